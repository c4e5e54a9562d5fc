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
  for (const std::string& request :
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
