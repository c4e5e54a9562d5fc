// Upgraded connections: bytes in both directions until one side ends.
#include "proxy/stream/forwarder.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// ----------------------------------------------------------------------------------------------------------

const std::string kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: "
    "websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
const std::string kSwitch =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
    "websocket\r\nSec-WebSocket-Accept: v\r\n\r\n";

TEST(Forwarder, AWebSocketIsATunnel) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say(kUpgrade + "early");
  Peer& origin = mesh.accepted("web");
  const Message request = mesh.next(origin);
  EXPECT_EQ(request.field("upgrade"), "websocket");
  EXPECT_EQ(request.field("sec-websocket-key"), "k");
  mesh.turns(5);
  EXPECT_EQ(origin.got, "");  // nothing before the 101
  origin.say(kSwitch + "hello");
  EXPECT_TRUE(mesh.until([&] { return client.got.ends_with("hello"); }));
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 101);
  EXPECT_EQ(reply.field("upgrade"), "websocket");
  EXPECT_EQ(reply.field("sec-websocket-accept"), "v");
  EXPECT_TRUE(mesh.until([&] { return origin.got == "early"; }));
  client.say(" and more");
  EXPECT_TRUE(mesh.until([&] { return origin.got == "early and more"; }));
  client.end_writing();
  EXPECT_TRUE(mesh.until([&] { return origin.ended; }));
  origin.say(" bye");
  origin.end_writing();
  EXPECT_TRUE(mesh.until([&] { return client.over(); }));
  EXPECT_EQ(client.got, "hello bye");
}

TEST(Forwarder, ATunnelHasBackPressure) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say(kUpgrade);
  Peer& origin = mesh.accepted("web");
  mesh.next(origin);
  origin.say(kSwitch);
  mesh.next(client);
  const size_t size = 20'000'000;
  for (Peer* slow : {&origin, &client}) {
    Peer& fast = slow == &origin ? client : origin;
    slow->stop_reading();
    fast.say(std::string(size, 'x'));
    for (int i = 0; i < 100; ++i) mesh.turn(1);
    EXPECT_GT(fast.unsent(), size / 4);
    slow->go_on_reading();
    EXPECT_TRUE(mesh.until([&] { return slow->got.size() == size; }));
  }
  client.reset();
  EXPECT_TRUE(mesh.until([&] { return origin.over(); }));
}

TEST(Forwarder, ARefusedUpgradeIsAnAnswerLikeAnyOther) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  EXPECT_EQ(
      mesh.exchange(client, kUpgrade, "web", "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").body,
      "no");
  EXPECT_EQ(mesh.exchange(client, kGet, "web", kOk).body, "ok");
}

}  // namespace
}  // namespace flagmesh::stream
