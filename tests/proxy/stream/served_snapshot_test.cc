#include "proxy/stream/served_snapshot.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Peer;

const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

// A request keeps its snapshot until the response begins, and not longer: a long one must not pin
// it.
TEST(ServedSnapshot, IsHeldUntilTheResponseBegins) {
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

TEST(VariantCounters, CountByWorkerAndHaveAPlaceForNone) {
  VariantCounters counters("f", {"on", "off"}, 2);
  counters.at(0, 0).add();
  counters.at(1, 0).add(2);
  counters.at(1, 1).add();
  counters.at(0, 99).add();
  counters.at(1, SIZE_MAX).add();
  EXPECT_EQ(counters.total(0), 3U);
  EXPECT_EQ(counters.total(1), 1U);
  EXPECT_EQ(counters.total(2), 2U);
}

}  // namespace
}  // namespace flagmesh::stream
