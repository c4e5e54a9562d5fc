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
