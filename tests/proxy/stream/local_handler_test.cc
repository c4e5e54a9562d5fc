#include "proxy/stream/local_handler.h"

#include "tests/fakes/local_server.h"

namespace flagmesh::stream {
namespace {

struct LocalHandlerTest : fakes::LocalServerTest {};

const std::string kGet = "GET /x?q=1 HTTP/1.1\r\nHost: h\r\n\r\n";

// Output only borrows large pieces: the body was freed before it was written.
TEST_F(LocalHandlerTest, LargeBodiesLiveUntilTheyAreWritten) {
  handler.on_request = [](const LocalRequest&, LocalReply reply) {
    reply.send({.body = std::string(3'000'000, 'x')});
  };
  client->say(kGet + kGet);
  EXPECT_EQ(next().body, std::string(3'000'000, 'x'));
  EXPECT_EQ(next().body, std::string(3'000'000, 'x'));
}

TEST_F(LocalHandlerTest, AnswersLater) {
  LocalReply kept;
  handler.on_request = [&](const LocalRequest&, LocalReply reply) { kept = std::move(reply); };
  client->say(kGet);
  ASSERT_TRUE(until([&] { return kept.wanted(); }));
  send(kept, "late");
  EXPECT_EQ(next().body, "late");
}

TEST_F(LocalHandlerTest, AClientThatGoesIsNotAnswered) {
  LocalReply kept;
  handler.on_request = [&](const LocalRequest&, LocalReply reply) { kept = std::move(reply); };
  client->say(kGet);
  ASSERT_TRUE(until([&] { return kept.wanted(); }));
  client->reset();
  EXPECT_TRUE(until([&] { return !kept.wanted(); }));
  send(kept, "for nobody");
  loop->run_once(1);
}

TEST_F(LocalHandlerTest, AReplyThatIsDroppedIs500) {
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
}  // namespace
}  // namespace flagmesh::stream
