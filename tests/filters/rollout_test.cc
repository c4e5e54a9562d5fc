// Which container a request goes to, seen from outside.
#include "filters/rollout.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/fakes/mesh.h"

namespace flagmesh::filters {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

std::string routing(const std::string& bucket_by, const std::string& more = "") {
  return "  routes: [{ path: /, flag: f, serve: { \"on\": a, \"off\": b }, fallback: c, bucket_by: "
         "[" +
         bucket_by + "]" + more +
         " }]\n  containers: { a: { endpoints: [\"@a\"] }, b: { endpoints: [\"@b\"] }, c: { "
         "endpoints: [\"@c\"] } }\n";
}
std::string flag(const std::string& rest) {
  return "flags: { f: { variants: { \"on\": 1, \"off\": 0, other: 2 }, " + rest + " } }\n";
}
const std::string kHalf = flag(
    "state: ENABLED, defaultVariant: \"off\", targeting: { fractional: [[\"on\", 50], [\"off\", "
    "50]] }");

// Sends a request and says which origin got it; the message is what it saw.
struct Asked {
  std::string origin;
  Message request;
  Message reply;
};
Asked ask(Mesh& mesh, const std::string& fields, const std::string& target = "/") {
  Peer& client = mesh.client();
  client.say("GET " + target + " HTTP/1.1\r\nHost: shop.example:81\r\n" + fields +
             "Connection: close\r\n\r\n");
  Asked asked;
  EXPECT_TRUE(mesh.until([&] {
    for (const char* name : {"a", "b", "c"}) {
      for (const auto& peer : mesh.origin(name).peers) {
        const auto request = peer->take();
        if (!request) continue;
        asked.origin = name;
        asked.request = *request;
        peer->say(kOk);
        return true;
      }
    }
    return client.over();
  }));
  asked.reply = mesh.next(client);
  return asked;
}

TEST(Rollout, IsStickyAndSaysSo) {
  Mesh mesh(routing("\"header:x-user\""), kHalf);
  std::set<std::string> origins;
  for (int user = 0; user < 20; ++user) {
    const std::string header = "X-User: u" + std::to_string(user) + "\r\n";
    const Asked first = ask(mesh, header);
    origins.insert(first.origin);
    EXPECT_EQ(ask(mesh, header).origin, first.origin);
    const std::string variant = first.origin == "a" ? "on" : "off";
    for (const Message& message : {first.request, first.reply}) {
      EXPECT_EQ(message.field("x-flagmesh-flag"), "f");
      EXPECT_EQ(message.field("x-flagmesh-variant"), variant);
      EXPECT_EQ(message.field("x-flagmesh-epoch"), "7");
      EXPECT_EQ(message.count("x-flagmesh-stale") + message.count("x-flagmesh-reason"), 0U);
    }
  }
  EXPECT_EQ(origins, (std::set<std::string>{"a", "b"}));
}

TEST(Rollout, TakesTheFirstSourceThatIsUsable) {
  // Nobody has a key: targeting gives none, which is the default variant "off", in container b.
  Mesh mesh(routing("\"header:x-user\", \"cookie:uid\", \"query:u\""),
            flag("state: ENABLED, defaultVariant: \"off\", targeting: { if: [{ \"==\": [{ var: "
                 "targetingKey }, me] }, \"on\", \"off\"] }"));
  EXPECT_EQ(ask(mesh, "").origin, "b");
  EXPECT_EQ(ask(mesh, "X-User: me\r\nCookie: uid=other\r\n").origin, "a");
  EXPECT_EQ(ask(mesh, "X-User: other\r\nCookie: uid=me\r\n").origin, "b");
  EXPECT_EQ(ask(mesh, "Cookie: uid=me\r\n").origin, "a");
  EXPECT_EQ(ask(mesh, "X-User:\r\nCookie: a=b; uid=me\r\n").origin, "a");
  EXPECT_EQ(ask(mesh, "", "/?x=1&u=m%65").origin, "a");
  // Shown twice or too long: absent, so that a request cannot show one key here and another to the
  // container.
  EXPECT_EQ(ask(mesh, "X-User: me\r\nX-User: other\r\n").origin, "b");
  EXPECT_EQ(ask(mesh, "Cookie: uid=me; uid=me\r\n").origin, "b");
  EXPECT_EQ(ask(mesh, "Cookie: uid=me\r\nCookie: uid=x\r\n", "/?u=me").origin, "a");
  EXPECT_EQ(ask(mesh, "", "/?u=me&u=x").origin, "b");
  EXPECT_EQ(ask(mesh, "X-User: " + std::string(257, 'x') + "\r\nCookie: uid=me\r\n").origin, "a");
  EXPECT_EQ(ask(mesh, "X-User: " + std::string(256, 'x') + "\r\nCookie: uid=me\r\n").origin, "b");
}

TEST(Rollout, TheAddressIsAKey) {
  Mesh mesh(routing("ip"),
            flag("state: ENABLED, defaultVariant: \"off\", targeting: { if: [{ \"==\": [{ var: "
                 "targetingKey }, 127.0.0.1] }, \"on\", \"off\"] }"));
  EXPECT_EQ(ask(mesh, "").origin, "a");
}

TEST(Rollout, AMintedKeyIsSetAsCookieAndThenSticks) {
  Mesh mesh(routing("\"cookie:uid\", mint"), kHalf);
  std::set<std::string> keys;
  for (int i = 0; i < 10; ++i) {
    const Asked first = ask(mesh, "");
    const std::string cookie = first.reply.field("set-cookie");
    ASSERT_TRUE(cookie.starts_with("uid=")) << cookie;
    EXPECT_NE(cookie.find("; Path=/"), std::string::npos);
    EXPECT_NE(cookie.find("; HttpOnly"), std::string::npos);
    EXPECT_EQ(first.reply.field("cache-control"), "private");
    const std::string key = cookie.substr(4, 32);
    keys.insert(key);
    const Asked second = ask(mesh, "Cookie: uid=" + key + "\r\n");
    EXPECT_EQ(second.origin, first.origin);
    EXPECT_EQ(second.reply.count("set-cookie") + second.reply.count("cache-control"), 0U);
  }
  EXPECT_EQ(keys.size(), 10U);
}

TEST(Rollout, ScriptsMayReadAMintedKeyWhereTheRouteSaysSo) {
  Mesh mesh(routing("mint", ", mint_http_only: false"), kHalf);
  const std::string cookie = ask(mesh, "").reply.field("set-cookie");
  EXPECT_TRUE(cookie.starts_with("flagmesh_id=")) << cookie;
  EXPECT_TRUE(cookie.ends_with("; Path=/; Max-Age=31536000; SameSite=Lax")) << cookie;
}

// A reply of our own that was decided by it sets it too.
TEST(Rollout, AMintedKeyIsSetOnLocalReplies) {
  Mesh mesh(routing("mint", ", when_unproven: refuse"), kHalf);
  snapshot::TrustStatus trust = Mesh::unsigned_trust();
  trust.policy = snapshot::TrustPolicy::kSigned;
  mesh.publish(kHalf, trust);
  Peer& client = mesh.client();
  client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 503);
  EXPECT_TRUE(reply.field("set-cookie").starts_with("flagmesh_id="));
  EXPECT_EQ(reply.field("cache-control"), "private");
}

// Several lines are one list: those that forbid more must not get lost.
TEST(Rollout, AMintedKeyKeepsTheContainersCacheControl) {
  Mesh mesh(routing("mint"), flag("state: ENABLED, defaultVariant: \"on\""));
  Peer& client = mesh.client();
  const Message reply =
      mesh.exchange(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "a",
                    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nCache-Control: no-store\r\n"
                    "Set-Cookie: own=1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(reply.field("cache-control"), "max-age=60, no-store, private");
  EXPECT_EQ(reply.count("set-cookie"), 2U);
}

TEST(Rollout, WithoutAVariantTheFallbackAndWhy) {
  struct Row {
    std::string flags;
    std::string reason;
    std::string variant;
  };
  for (const Row& row :
       {Row{"", "flag_missing", ""},
        Row{flag("state: DISABLED, defaultVariant: \"on\""), "flag_disabled", ""},
        Row{flag("state: ENABLED"), "no_variant", ""},
        Row{flag("state: ENABLED, defaultVariant: other"), "variant_not_served", "other"},
        Row{flag("state: ENABLED, defaultVariant: \"on\", targeting: { fractional: [[\"nosuch\", "
                 "1]] }"),
            "evaluation_error", ""}}) {
    Mesh mesh(routing("\"header:x-user\""), row.flags);
    const Asked asked = ask(mesh, "X-User: me\r\n");
    EXPECT_EQ(asked.origin, "c") << row.reason;
    EXPECT_EQ(asked.reply.field("x-flagmesh-reason"), row.reason);
    EXPECT_EQ(asked.reply.field("x-flagmesh-variant"), row.variant);
    EXPECT_EQ(asked.request.field("x-flagmesh-flag"), "f");
  }
}

TEST(Rollout, DecisionHeadersCanBeSwitchedOffForClients) {
  Mesh mesh(routing("ip", ", decision_headers: false"),
            flag("state: ENABLED, defaultVariant: \"on\""));
  const Asked asked = ask(mesh, "");
  EXPECT_EQ(asked.request.field("x-flagmesh-variant"), "on");
  EXPECT_EQ(asked.reply.count("x-flagmesh-variant") + asked.reply.count("x-flagmesh-flag"), 0U);
}

TEST(Rollout, ForeignDecisionHeadersAreRemovedOnBothSides) {
  Mesh mesh(routing("ip"), flag("state: ENABLED, defaultVariant: \"on\""));
  Peer& client = mesh.client();
  client.say(
      "GET / HTTP/1.1\r\nHost: h\r\nX-Flagmesh-Variant: lie\r\nx-flagmesh-mine: lie\r\n\r\n");
  const Message request = mesh.request_at("a");
  EXPECT_EQ(request.field("x-flagmesh-variant"), "on");
  EXPECT_EQ(request.count("x-flagmesh-mine"), 0U);
  mesh.origin("a").last().say(
      "HTTP/1.1 200 OK\r\nX-Flagmesh-Epoch: 9\r\nX-FlagMesh-Other: lie\r\nContent-Length: "
      "0\r\n\r\n");
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.field("x-flagmesh-epoch"), "7");
  EXPECT_EQ(reply.count("x-flagmesh-other"), 0U);
}

TEST(Rollout, SplitsWithoutAFlagByWeight) {
  Mesh mesh(
      "  routes: [{ path: /, split: { a: 80, b: 20 } }]\n"
      "  containers: { a: { endpoints: [\"@a\"] }, b: { endpoints: [\"@b\"] } }\n");
  int to_a = 0;
  for (int i = 0; i < 300; ++i) to_a += ask(mesh, "").origin == "a" ? 1 : 0;
  EXPECT_NEAR(to_a, 240, 45);  // 6.5 standard deviations
}

TEST(Rollout, CountsWhatItDecided) {
  Mesh mesh(routing("ip"), flag("state: ENABLED, defaultVariant: \"off\""));
  ask(mesh, "");
  ask(mesh, "");
  const auto& counters = mesh.worker().snapshot->served().variants[0];
  size_t off = 0;
  while (counters->variants()[off] != "off") ++off;
  EXPECT_EQ(counters->total(off), 2U);
  EXPECT_EQ(counters->total(counters->variants().size()), 0U);
}

}  // namespace
}  // namespace flagmesh::filters
