#include "filters/proof.h"

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

std::string routing(const std::string& when_unproven, const std::string& fallback = "b") {
  return "  routes: [{ path: /, flag: f, serve: { \"on\": a }, fallback: " + fallback +
         ", bucket_by: [ip], when_unproven: " + when_unproven +
         " }, { path: /plain, container: b }]\n"
         "  containers: { a: { endpoints: [\"@a\"] }, b: { endpoints: [\"@b\"] } }\n";
}

snapshot::TrustStatus signed_trust(int64_t age_ms, bool proven = true) {
  auto freshness = std::make_shared<snapshot::Freshness>();
  freshness->renew(unix_millis() - age_ms);
  snapshot::TrustStatus trust;
  trust.epoch = 9;
  trust.proven = proven;
  trust.freshness = std::move(freshness);
  return trust;
}

TEST(Proof, FreshStateDecides) {
  Mesh mesh(routing("refuse"));
  mesh.publish(kFlag, signed_trust(0));
  Peer& client = mesh.client();
  const Message reply = mesh.exchange(client, kGet, "a", kOk);
  EXPECT_EQ(reply.field("x-flagmesh-epoch"), "9");
  EXPECT_EQ(reply.count("x-flagmesh-stale"), 0U);
  EXPECT_EQ(mesh.stats().stale_decisions.value(), 0U);
}

TEST(Proof, StaleOrUnprovenStateIsTheRoutesToJudge) {
  for (const snapshot::TrustStatus& trust : {signed_trust(700'000), signed_trust(0, false)}) {
    {
      Mesh mesh(routing("last_good"));
      mesh.publish(kFlag, trust);
      Peer& client = mesh.client();
      client.say(kGet);
      const Message request = mesh.request_at("a");
      EXPECT_EQ(request.field("x-flagmesh-stale"), "true");
      EXPECT_EQ(request.field("x-flagmesh-variant"), "on");
      mesh.origin("a").last().say(kOk);
      EXPECT_EQ(mesh.next(client).field("x-flagmesh-stale"), "true");
      EXPECT_EQ(mesh.stats().stale_decisions.value(), 1U);
    }
    {
      Mesh mesh(routing("fallback"));
      mesh.publish(kFlag, trust);
      Peer& client = mesh.client();
      const Message reply = mesh.exchange(client, kGet, "b", kOk);
      EXPECT_EQ(reply.status(), 200);
      EXPECT_EQ(reply.field("x-flagmesh-reason"), "unproven");
      EXPECT_EQ(reply.count("x-flagmesh-variant"), 0U);
    }
    {
      Mesh mesh(routing("refuse"));
      mesh.publish(kFlag, trust);
      Peer& client = mesh.client();
      client.say(kGet);
      const Message reply = mesh.next(client);
      EXPECT_EQ(reply.status(), 503);
      EXPECT_EQ(reply.field("x-flagmesh-reason"), "unproven");
      EXPECT_EQ(reply.field("retry-after"), "1");
      EXPECT_EQ(mesh.exchange(client, "GET /plain HTTP/1.1\r\nHost: h\r\n\r\n", "b", kOk).status(),
                200);
    }
  }
}

// The variant's container and the fallback are often the same one: its users were refused.
TEST(Proof, TheFallbackServesItsOwnVariantsUsersToo) {
  Mesh mesh(routing("fallback", "a"));
  mesh.publish(kFlag, signed_trust(700'000));
  Peer& client = mesh.client();
  const Message reply = mesh.exchange(client, kGet, "a", kOk);
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "unproven");
}

TEST(Proof, AHeartbeatMakesItFreshAgain) {
  Mesh mesh(routing("refuse"));
  auto freshness = std::make_shared<snapshot::Freshness>();
  snapshot::TrustStatus trust = signed_trust(0);
  trust.freshness = freshness;
  mesh.publish(kFlag, trust);
  Peer& client = mesh.client();
  client.say(kGet);
  EXPECT_EQ(mesh.next(client).status(), 503);
  freshness->renew(unix_millis());
  EXPECT_EQ(mesh.exchange(client, kGet, "a", kOk).status(), 200);
}

}  // namespace
}  // namespace flagmesh::filters
