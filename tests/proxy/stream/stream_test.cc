// What is said about a request on the way: fields of our own, local replies, limits, and when the
// snapshot is let go.
#include "proxy/stream/stream.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(Stream, TellsTheContainerWhoAsks) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say(
      "GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: "
      "10.0.0.2\r\n"
      "X-Forwarded-Proto: lie\r\nVia: 1.0 front\r\nX-Request-Id: abc-123\r\nConnection: x-hop, "
      "keep-alive\r\n"
      "X-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\nX-Kept: yes\r\n\r\n");
  const Message request = mesh.request_at("web");
  EXPECT_EQ(request.start, "GET /a?b=c HTTP/1.1");
  EXPECT_EQ(request.field("host"), "shop.example");
  EXPECT_EQ(request.field("x-forwarded-for"), "10.0.0.1, 10.0.0.2, 127.0.0.1");
  EXPECT_EQ(request.field("x-forwarded-proto"), "http");
  EXPECT_EQ(request.field("x-forwarded-host"), "shop.example");
  EXPECT_EQ(request.field("via"), "1.0 front, 1.1 flagmesh");
  EXPECT_EQ(request.field("x-request-id"), "abc-123");
  EXPECT_EQ(request.field("x-kept"), "yes");
  for (const char* gone :
       {"connection", "x-hop", "keep-alive", "te", "proxy-authorization", "transfer-encoding"}) {
    EXPECT_EQ(request.count(gone), 0U) << gone;
  }
}

TEST(Stream, TellsTheClientWhatAProxyMust) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  Message reply = mesh.exchange(
      client, kGet, "web",
      "HTTP/1.1 200 Fine\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
      "X-Flagmesh-Reason: lie\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(reply.start, "HTTP/1.1 200 Fine");
  EXPECT_EQ(reply.field("date").size(), 29U);
  EXPECT_EQ(reply.field("via"), "1.1 flagmesh");
  EXPECT_EQ(reply.field("set-cookie"), "a=1, b=2");
  EXPECT_EQ(reply.count("x-hop") + reply.count("keep-alive") + reply.count("x-flagmesh-reason"),
            0U);
  reply = mesh.exchange(
      client, kGet, "web",
      "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(reply.field("date"), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(Stream, GivesEachRequestAnIdOfItsOwn) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  std::string before;
  for (const std::string given :
       {"", "X-Request-Id: has space\r\n", "X-Request-Id: quo\"te\r\n", "X-Request-Id: \r\n"}) {
    client.say("GET / HTTP/1.1\r\nHost: h\r\n" + given + "\r\n");
    const std::string id = mesh.request_at("web").field("x-request-id");
    EXPECT_EQ(id.size(), 32U) << given;
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_NE(id, before);
    before = id;
    mesh.origin("web").last().say(kOk);
    mesh.next(client);
  }
  client.say("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: " + std::string(129, 'x') + "\r\n\r\n");
  EXPECT_EQ(mesh.request_at("web").field("x-request-id").size(), 32U);
}

TEST(Stream, BodiesOverTheLimitAre413) {
  Mesh mesh(Mesh::plain("max_body: 1KiB"));
  Peer& told = mesh.client();
  told.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1025\r\n\r\n");
  Message reply = mesh.next(told);
  EXPECT_EQ(reply.status(), 413);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "body_too_large");
  EXPECT_EQ(reply.field("connection"), "close");
  EXPECT_TRUE(mesh.origin("web").peers.empty());
  Peer& found_out = mesh.client();
  found_out.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" +
                std::string(1024, 'x') + "\r\n1\r\nx\r\n");
  reply = mesh.next(found_out);
  EXPECT_EQ(reply.status(), 413);
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").over(); }));
  Peer& fits = mesh.client();
  EXPECT_EQ(mesh.exchange(fits,
                          "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1024\r\n\r\n" +
                              std::string(1024, 'x'),
                          "web", kOk)
                .status(),
            200);
}

TEST(Stream, WithoutARouteOrAStateItSaysWhy) {
  Mesh mesh(
      "  routes: [{ path: /a, container: web }]\n  containers: { web: { endpoints: [\"@web\"] } "
      "}\n");
  Peer& client = mesh.client();
  client.say(kGet);
  Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 404);
  EXPECT_EQ(reply.body, "404 Not Found: no_route\n");
  client.say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(mesh.next(client, true).field("content-length"), "24");
  WorkerSnapshot* snapshot = std::exchange(mesh.worker().snapshot, nullptr);
  client.say(kGet);
  reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "no_configuration");
  mesh.worker().snapshot = snapshot;
}

// A request keeps its snapshot until the response begins, and not longer: a long one must not pin
// it.
TEST(Stream, HoldsItsSnapshotUntilTheResponseBegins) {
  Mesh mesh(Mesh::plain());
  const std::weak_ptr<const snapshot::Snapshot> first = mesh.worker().snapshot->served().snapshot;
  Peer& client = mesh.client();
  client.say(kGet);
  mesh.request_at("web");
  mesh.publish("", Mesh::unsigned_trust());
  EXPECT_FALSE(first.expired());
  mesh.origin("web").last().say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(mesh.until([&] { return !client.got.empty(); }));
  EXPECT_TRUE(first.expired());
  mesh.origin("web").last().say("ok");
  EXPECT_EQ(mesh.next(client).body, "ok");
}

TEST(Stream, CountsBytesAndStatuses) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  mesh.exchange(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", "web", kOk);
  client.say(kGet);
  mesh.request_at("web");
  client.reset();
  EXPECT_TRUE(mesh.until([&] { return mesh.stats().responses[0].value() == 1; }));
  EXPECT_EQ(mesh.stats().requests.value(), 2U);
  EXPECT_EQ(mesh.stats().responses[2].value(), 1U);
  EXPECT_EQ(mesh.stats().bytes_in.value(), 5U);
  EXPECT_EQ(mesh.stats().bytes_out.value(), 2U);
}

// Whatever else is on its connection when the worker ends: nothing is left behind (the mesh checks)
// and nothing crashes.
TEST(Stream, EndsInEveryPhaseWithTheWorker) {
  const std::string upgrade =
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  for (const std::string request :
       {std::string("GET"), std::string("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\na"),
        kGet, kGet + kGet, upgrade}) {
    for (const std::string answer :
         {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
          "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhi"}) {
      for (const int turns : {1, 2, 6}) {
        Mesh mesh(Mesh::plain());
        mesh.client().say(request);
        mesh.turns(turns);
        mesh.turn(1);
        for (const auto& peer : mesh.origin("web").peers) peer->say(answer);
        mesh.turns(turns);
      }
    }
  }
}

}  // namespace
}  // namespace flagmesh::stream
