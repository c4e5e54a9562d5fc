#include "filters/health.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::filters {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

const std::string kFlag =
    "flags: { f: { state: ENABLED, variants: { \"on\": 1, \"off\": 0 }, defaultVariant: \"on\" } "
    "}\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kRouting =
    "  routes: [{ path: /, flag: f, serve: { \"on\": a }, fallback: b, bucket_by: [ip] }]\n"
    "  containers: { a: { endpoints: [\"@a\"] }, b: { endpoints: [\"@b\"] } }\n";

void set_health(Mesh& mesh, const std::string& name, bool healthy) {
  upstream::SharedContainer& container = mesh.container(name);
  for (const auto& endpoint : *container.endpoints()) endpoint->check_failed.store(!healthy);
  container.recount_healthy();
}

TEST(Health, ASickContainerIsPassedOver) {
  Mesh mesh(kRouting, kFlag);
  Peer& client = mesh.client();
  EXPECT_EQ(mesh.exchange(client, kGet, "a", kOk).count("x-flagmesh-reason"), 0U);
  set_health(mesh, "a", false);
  const Message reply = mesh.exchange(client, kGet, "b", kOk);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "container_unhealthy");
  EXPECT_EQ(reply.field("x-flagmesh-variant"), "on");
  set_health(mesh, "a", true);
  EXPECT_EQ(mesh.exchange(client, kGet, "a", kOk).count("x-flagmesh-reason"), 0U);
}

TEST(Health, WithNobodyHealthyItIs503) {
  Mesh mesh(kRouting, kFlag);
  set_health(mesh, "a", false);
  set_health(mesh, "b", false);
  Peer& client = mesh.client();
  client.say(kGet);
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "container_unhealthy");
}

}  // namespace
}  // namespace flagmesh::filters
