// Tunnels and long responses when their user's variant changes.
#include "proxy/stream/change_watch.h"

#include <gtest/gtest.h>

#include "filters/rollout.h"
#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Peer;

const std::string kRouting =
    "  routes: [{ path: /, flag: f, serve: { \"on\": web }, fallback: web, bucket_by: "
    "[\"header:x-user\"] }]\n  containers: { web: { endpoints: [\"@web\"] } }\n";
const std::string kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: h\r\nx-user: u\r\nx-plan: paid\r\nConnection: Upgrade\r\nUpgrade: "
    "websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const std::string kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

std::string flag(const std::string& rest) {
  return "flags: { f: { state: ENABLED, variants: { \"on\": 1, \"off\": 0 }, " + rest + " } }\n";
}
const std::string kOn = flag("defaultVariant: \"on\"");
const std::string kOff = flag("defaultVariant: \"off\"");
const std::string kPaidIsOn = flag(
    "defaultVariant: \"off\", targeting: { if: [{ \"==\": [{ var: header.x-plan }, paid] }, "
    "\"on\"] }");

class ChangeWatchTest : public testing::Test {
 protected:
  void follow(OnChange action, MonoMs grace = 0) {
    mesh.worker().changes.set(action, grace, &filters::Rollout::variant_now);
  }
  void publish(const std::string& flags) {
    mesh.publish(flags, Mesh::unsigned_trust());
    mesh.worker().changes.snapshot_changed();
    mesh.turns(3);
  }
  Peer& tunnel() {
    Peer& client = mesh.client();
    client.say(kUpgrade);
    (void)mesh.request_at("web");
    mesh.origin("web").peers.back()->say(kSwitched);
    EXPECT_EQ(mesh.next(client, true).status(), 101);
    return client;
  }
  bool echoes(Peer& client) {
    client.got.clear();
    client.say("ping");
    Peer& origin = *mesh.origin("web").peers.back();
    if (!mesh.until([&] { return !origin.got.empty() || client.over(); })) return false;
    origin.got.clear();
    if (!client.over()) origin.say("pong");
    return mesh.until([&] { return client.got == "pong" || client.over(); }) && !client.over();
  }

  Mesh mesh{kRouting, kOn};
};

TEST_F(ChangeWatchTest, KeepLooksAtNobody) {
  Peer& client = tunnel();
  publish(kOff);
  EXPECT_TRUE(echoes(client));
  EXPECT_EQ(mesh.stats().streams_changed.value(), 0U);
}

TEST_F(ChangeWatchTest, CloseEndsATunnelAtOnceAndInOrder) {
  follow(OnChange::kClose);
  Peer& client = tunnel();
  publish(kOff);
  EXPECT_TRUE(mesh.until([&] { return client.ended; }));
  EXPECT_EQ(mesh.stats().streams_changed.value(), 1U);
}

TEST_F(ChangeWatchTest, TheSameVariantUnderAnotherDefinitionStays) {
  follow(OnChange::kClose);
  Peer& client = tunnel();
  publish(kPaidIsOn);  // judged by the request's own header
  EXPECT_TRUE(echoes(client));
  publish("");
  EXPECT_TRUE(mesh.until([&] { return client.ended; })) << "without the flag there is no variant";
}

TEST_F(ChangeWatchTest, AChangeWhileTheContainerThinksIsSeen) {
  follow(OnChange::kClose);
  Peer& client = mesh.client();
  client.say(kUpgrade);
  (void)mesh.request_at("web");
  publish(kOff);
  mesh.origin("web").peers.back()->say(kSwitched);
  EXPECT_TRUE(mesh.until([&] { return client.ended; }));
}

TEST_F(ChangeWatchTest, AResponseBreaksOffVisiblyAndFinishedOnesAreForgotten) {
  follow(OnChange::kClose);
  Peer& done = mesh.client();
  const std::string ask = "GET / HTTP/1.1\r\nHost: h\r\nx-user: u\r\n\r\n";
  EXPECT_EQ(
      mesh.exchange(done, ask, "web", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").status(),
      200);
  Peer& client = mesh.client();
  client.say(ask);
  (void)mesh.request_at("web");
  mesh.origin("web").peers.back()->say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
  EXPECT_TRUE(mesh.until([&] { return client.got.ends_with("part"); }));
  publish(kOff);
  EXPECT_TRUE(mesh.until([&] { return client.broken; }));
  EXPECT_EQ(mesh.stats().streams_changed.value(), 1U);
  EXPECT_FALSE(done.over());
}

TEST_F(ChangeWatchTest, DrainLetsTheContainerSayItsLastWords) {
  follow(OnChange::kDrain, 100);
  Peer& client = tunnel();
  publish(kOff);
  EXPECT_TRUE(echoes(client)) << "it has time";
  Peer& origin = *mesh.origin("web").peers.back();
  EXPECT_TRUE(mesh.until([&] { return origin.ended; })) << "the container sees the end first";
  EXPECT_FALSE(client.over());
  client.got.clear();
  origin.say("bye");
  origin.end_writing();
  EXPECT_TRUE(mesh.until([&] { return client.ended; }));
  EXPECT_EQ(client.got, "bye");
}

TEST_F(ChangeWatchTest, MoreThanOneTurnsBudgetIsLookedAtAndMembersMayLeaveMeanwhile) {
  follow(OnChange::kClose);
  std::vector<Peer*> clients;
  for (unsigned i = 0; i < ChangeWatch::kBudget + 20; ++i) clients.push_back(&tunnel());
  mesh.publish(kOff, Mesh::unsigned_trust());
  mesh.worker().changes.snapshot_changed();
  for (size_t i = 0; i < clients.size(); i += 7) clients[i]->reset();
  EXPECT_TRUE(mesh.until([&] {
    return std::ranges::all_of(clients, [](Peer* peer) { return peer->over() || peer->fd() < 0; });
  }));
}

}  // namespace
}  // namespace flagmesh::stream
