#include "proxy/stream/local_adapter.h"

#include "tests/fakes/local_server.h"

namespace flagmesh::stream {
namespace {

using fakes::Message;

struct LocalAdapterTest : fakes::LocalServerTest {};

const std::string kGet = "GET /x?q=1 HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(LocalAdapterTest, ShowsTheWholeRequest) {
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

TEST_F(LocalAdapterTest, ReadsBodiesOnlyUpToItsLimit) {
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

TEST_F(LocalAdapterTest, AsksForABodyThatWaitsToBeAskedFor) {
  handler.on_request = [](const LocalRequest& request, LocalReply reply) {
    reply.send({.body = std::string(request.body)});
  };
  client->say("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(next().status(), 100);
  client->say("ab");
  EXPECT_EQ(next().body, "ab");
}

TEST_F(LocalAdapterTest, HeadAndNoContentHaveNoBody) {
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
}  // namespace
}  // namespace flagmesh::stream
