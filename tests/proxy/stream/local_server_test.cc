// Handlers of the process itself behind an address: whole requests, late answers, answers that
// never come.
#include "proxy/stream/local_server.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/fakes/peer.h"

namespace flagmesh::stream {
namespace {

using fakes::Message;
using fakes::Peer;

struct Handler final : LocalHandler {
  std::function<void(const LocalRequest&, LocalReply)> on_request;
  void handle(const LocalRequest& request, LocalReply reply) override {
    on_request(request, std::move(reply));
  }
  size_t max_body() const override { return 1000; }
};

struct LocalServerTest : testing::Test {
  std::unique_ptr<event::Loop> loop = event::Loop::create().value();
  net::IoContext io{*loop};
  Handler handler;
  std::unique_ptr<LocalServer> server =
      LocalServer::start(io, *net::Address::parse("127.0.0.1:0"), handler, {.name = "test"})
          .value();
  std::unique_ptr<Peer> client = fakes::connect_to(server->address());

  template <class Done>
  bool until(Done&& done) {
    const MonoMs deadline = mono_ms() + 10'000;
    while (!done()) {
      if (mono_ms() > deadline) return false;
      loop->run_once(2);
      client->poll();
    }
    return true;
  }
  // As handlers do: on a later turn of the loop.
  void send(LocalReply& reply, const std::string& body) {
    loop->post([&reply, body] { reply.send({.body = body}); });
  }
  Message next(bool head_only = false) {
    std::optional<Message> message;
    EXPECT_TRUE(until([&] { return (message = client->take(head_only)).has_value(); }))
        << client->got;
    return message.value_or(Message());
  }
};

const std::string kGet = "GET /x?q=1 HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(LocalServerTest, ShowsTheWholeRequest) {
  handler.on_request = [](const LocalRequest& request, LocalReply reply) {
    EXPECT_EQ(request.head.path, "/x");
    EXPECT_EQ(request.head.query, "q=1");
    EXPECT_EQ(request.body, "hello");
    EXPECT_EQ(request.peer_ip, "127.0.0.1");
    EXPECT_TRUE(request.peer_is_loopback);
    reply.send({.status = 201,
                .content_type = "text/plain",
                .headers = {{"x-mine", "1"}},
                .body = "done"});
    EXPECT_FALSE(reply.wanted());
  };
  for (const std::string body :
       {"Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"}) {
    client->say("POST /x?q=1 HTTP/1.1\r\nHost: h\r\n" + body);
    const Message reply = next();
    EXPECT_EQ(reply.status(), 201);
    EXPECT_EQ(reply.field("content-type"), "text/plain");
    EXPECT_EQ(reply.field("x-mine"), "1");
    EXPECT_EQ(reply.field("date").size(), 29U);
    EXPECT_EQ(reply.body, "done");
  }
}

// Output only borrows large pieces: the body was freed before it was written.
TEST_F(LocalServerTest, LargeBodiesLiveUntilTheyAreWritten) {
  handler.on_request = [](const LocalRequest&, LocalReply reply) {
    reply.send({.body = std::string(3'000'000, 'x')});
  };
  client->say(kGet + kGet);
  EXPECT_EQ(next().body, std::string(3'000'000, 'x'));
  EXPECT_EQ(next().body, std::string(3'000'000, 'x'));
}

TEST_F(LocalServerTest, ReadsBodiesOnlyUpToItsLimit) {
  handler.on_request = [](const LocalRequest&, LocalReply reply) { reply.send({}); };
  for (const std::string request :
       {std::string("Content-Length: 1001\r\n\r\n"),
        "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x')}) {
    client = fakes::connect_to(server->address());
    client->say("POST / HTTP/1.1\r\nHost: h\r\n" + request);
    EXPECT_EQ(next().status(), 413);
    EXPECT_TRUE(until([&] { return client->ended; }));
  }
}

TEST_F(LocalServerTest, AsksForABodyThatWaitsToBeAskedFor) {
  handler.on_request = [](const LocalRequest& request, LocalReply reply) {
    reply.send({.body = std::string(request.body)});
  };
  client->say("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(next().status(), 100);
  client->say("ab");
  EXPECT_EQ(next().body, "ab");
}

TEST_F(LocalServerTest, HeadAndNoContentHaveNoBody) {
  handler.on_request = [](const LocalRequest& request, LocalReply reply) {
    reply.send(
        {.status = static_cast<uint16_t>(request.head.method == http::Method::kHead ? 200 : 204),
         .body = "abc"});
  };
  client->say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(next(true).field("content-length"), "3");
  client->say(kGet);
  EXPECT_EQ(next().status(), 204);
}

TEST_F(LocalServerTest, AnswersLater) {
  LocalReply kept;
  handler.on_request = [&](const LocalRequest&, LocalReply reply) { kept = std::move(reply); };
  client->say(kGet);
  ASSERT_TRUE(until([&] { return kept.wanted(); }));
  send(kept, "late");
  EXPECT_EQ(next().body, "late");
}

TEST_F(LocalServerTest, AClientThatGoesIsNotAnswered) {
  LocalReply kept;
  handler.on_request = [&](const LocalRequest&, LocalReply reply) { kept = std::move(reply); };
  client->say(kGet);
  ASSERT_TRUE(until([&] { return kept.wanted(); }));
  client->reset();
  EXPECT_TRUE(until([&] { return !kept.wanted(); }));
  send(kept, "for nobody");
  loop->run_once(1);
}

TEST_F(LocalServerTest, AReplyThatIsDroppedIs500) {
  LocalReply kept;
  handler.on_request = [&](const LocalRequest& request, LocalReply reply) {
    if (request.head.path == "/keep" || request.head.path == "/again") kept = std::move(reply);
  };
  client->say(kGet);
  EXPECT_EQ(next().field("x-flagmesh-reason"), "handler_gave_no_answer");
  // Replaced by a later one: dropped too.
  client->say("GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(until([&] { return kept.wanted(); }));
  const auto second = fakes::connect_to(server->address());
  second->say("GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(next().status(), 500);
  send(kept, "second");
  EXPECT_TRUE(until([&] {
    second->poll();
    return second->got.ends_with("second");
  }));
}

TEST_F(LocalServerTest, DrainingAnswersWhatIsInFlight) {
  LocalReply kept;
  handler.on_request = [&](const LocalRequest&, LocalReply reply) { kept = std::move(reply); };
  client->say(kGet);
  ASSERT_TRUE(until([&] { return kept.wanted(); }));
  server->drain();
  send(kept, "last");
  const Message reply = next();
  EXPECT_EQ(reply.body, "last");
  EXPECT_EQ(reply.field("connection"), "close");
  EXPECT_TRUE(until([&] { return client->ended; }));
}

TEST_F(LocalServerTest, EndsWithRequestsInFlight) {
  LocalReply kept;
  handler.on_request = [&](const LocalRequest&, LocalReply reply) { kept = std::move(reply); };
  client->say(kGet);
  ASSERT_TRUE(until([&] { return kept.wanted(); }));
  server.reset();
  EXPECT_FALSE(kept.wanted());
  EXPECT_TRUE(until([&] { return client->over(); }));
}

}  // namespace
}  // namespace flagmesh::stream
