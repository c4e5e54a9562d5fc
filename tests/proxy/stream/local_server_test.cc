// Handlers of the process itself behind an address: whole requests, late answers, answers that
// never come.
#include "proxy/stream/local_server.h"

#include <gtest/gtest.h>

#include "tests/fakes/local_server.h"

namespace flagmesh::stream {
namespace {

using fakes::Message;

struct LocalServerTest : fakes::LocalServerTest {};

const std::string kGet = "GET /x?q=1 HTTP/1.1\r\nHost: h\r\n\r\n";

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

// It stands behind a proxy as any origin does: what that says about the client stays.
TEST_F(LocalServerTest, FieldsOfAProxyInFrontReachTheHandler) {
  std::string seen;
  handler.on_request = [&](const LocalRequest& request, LocalReply reply) {
    for (const char* name : {"x-forwarded-for", "x-request-id", "max-forwards"}) {
      const http::Field* field = request.head.headers.find(name);
      seen += field == nullptr ? "none" : std::string(field->value);
      seen += ' ';
    }
    seen += request.peer_ip;
    reply.send({.body = "ok"});
  };
  client->say(
      "OPTIONS / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.9\r\nX-Request-Id: r1\r\n"
      "Max-Forwards: 0\r\n\r\n");
  EXPECT_EQ(next().body, "ok");
  EXPECT_EQ(seen, "203.0.113.9 r1 0 127.0.0.1");
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
