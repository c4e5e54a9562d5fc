#include "control/snapshot/snapshot.h"

#include <gtest/gtest.h>

namespace flagmesh::snapshot {
namespace {

std::shared_ptr<const FlagEntry> entry(const std::string& key, std::vector<std::string> variants) {
  flags::FlagDefinition definition;
  definition.tenant = "default";
  definition.key = key;
  for (const std::string& name : variants) definition.variants.push_back({name, name});
  definition.default_variant = variants.front();
  auto flag = flags::CompiledFlag::compile(definition);
  EXPECT_TRUE(flag);
  return std::make_shared<const FlagEntry>(
      FlagEntry{.flag = *flag, .canonical_json = {}, .leaf = {}});
}

Route flag_route(const std::string& flag) {
  Route route;
  route.path = "/" + flag;
  route.flag = flag;
  route.tenant = "default";
  route.serve = {{"on", 1}, {"off", 0}};
  route.fallback = 0;
  return route;
}

Route plain_route(ContainerIndex container) {
  Route route;
  route.container = container;
  return route;
}

Routing routing(std::vector<Route> routes) {
  const auto containers = std::make_shared<std::vector<ContainerSpec>>(2);
  (*containers)[0].name = "v1";
  (*containers)[1].name = "v2";
  return {*RouteTable::build(std::move(routes)), containers};
}

BuiltSnapshot build(const Routing& from, FlagTable flags) {
  auto built = build_snapshot(1, from, std::move(flags), {});
  EXPECT_TRUE(built) << built.error().text();
  return *built;
}

TEST(Snapshot, BindsVariantsByTheFlagsOrder) {
  const auto checkout = entry("checkout", {"off", "maybe", "on"});
  const auto built =
      build(routing({flag_route("checkout"), plain_route(1)}), FlagTable().with(checkout));
  EXPECT_TRUE(built.warnings.empty()) << "a variant that is not served goes to the fallback";
  const Snapshot& snapshot = *built.snapshot;
  const RouteBinding& binding = snapshot.binding(snapshot.routes->routes()[0]);
  EXPECT_EQ(binding.flag, checkout->flag.get());
  EXPECT_EQ(binding.container_of(0), 0);
  EXPECT_EQ(binding.container_of(1), kNoContainer);
  EXPECT_EQ(binding.container_of(2), 1);
  EXPECT_EQ(binding.container_of(3), kNoContainer);
  EXPECT_EQ(snapshot.binding(snapshot.routes->routes()[1]).flag, nullptr);
  EXPECT_EQ(snapshot.container(1).name, "v2");
}

TEST(Snapshot, WhatOnlyWeakensARouteIsAWarning) {
  const auto built = build(routing({flag_route("missing"), flag_route("checkout")}),
                           FlagTable().with(entry("checkout", {"on", "aus"})));
  ASSERT_EQ(built.warnings.size(), 2u);
  EXPECT_EQ(built.warnings[0].message, "route 0 (/missing): flag 'missing' does not exist");
  EXPECT_EQ(built.warnings[1].message, "route 1 (/checkout): flag 'checkout' has no variant 'off'");
  EXPECT_FALSE(has_errors(built.warnings));
  EXPECT_EQ(built.snapshot->bindings[0].flag, nullptr);
  EXPECT_EQ(built.snapshot->bindings[0].container_of(0), kNoContainer);
  EXPECT_EQ(built.snapshot->bindings[1].container_of(0), 1);
}

TEST(Snapshot, RoutesThatPointNowhereAreRefused) {
  Route no_fallback = flag_route("checkout");
  no_fallback.fallback = kNoContainer;
  Route bad_serve = flag_route("checkout");
  bad_serve.serve[0].second = 2;
  Route bad_split;
  bad_split.split = {{.container = 5, .cumulative = 1}};
  Route local;
  local.kind = HandlerKind::kLocal;
  for (const Route& route : {no_fallback, bad_serve, bad_split, plain_route(2), plain_route(-1)}) {
    const auto built = build_snapshot(1, routing({route}), {}, {});
    ASSERT_FALSE(built);
    EXPECT_EQ(built.error().code, "bad_routing");
  }
  EXPECT_TRUE(build_snapshot(1, routing({local}), {}, {}));
}

TEST(Snapshot, DeriveRebindsOnlyWhatChanged) {
  const auto a = entry("a", {"off", "on"}), b = entry("b", {"off", "on"});
  const FlagTable flags = FlagTable().with(a).with(b);
  const auto first = build(routing({flag_route("a"), flag_route("b"), flag_route("c")}), flags);
  const auto turned = entry("a", {"on", "off"});
  const auto c = entry("c", {"on", "off"});
  TrustStatus trust;
  trust.epoch = 9;
  const auto second = derive_snapshot(2, *first.snapshot,
                                      flags.with(turned).with(c).without("default", "b"), trust);
  const Snapshot& snapshot = *second.snapshot;
  EXPECT_EQ(snapshot.generation, 2u);
  EXPECT_EQ(snapshot.trust.epoch, 9u);
  EXPECT_EQ(snapshot.bindings[0].flag, turned->flag.get());
  EXPECT_EQ(snapshot.bindings[0].container_of(0), 1);
  EXPECT_EQ(snapshot.bindings[1].flag, nullptr);
  EXPECT_EQ(snapshot.bindings[2].flag, c->flag.get());
  ASSERT_EQ(second.warnings.size(), 1u);
  EXPECT_EQ(second.warnings[0].message, "route 1 (/b): flag 'b' does not exist");
  EXPECT_EQ(first.snapshot->bindings[0].flag, a->flag.get()) << "the previous one stays as it was";
  const auto third = derive_snapshot(3, snapshot, snapshot.flags, trust);
  EXPECT_EQ(third.snapshot->bindings[0].by_variant, snapshot.bindings[0].by_variant);
  EXPECT_TRUE(third.warnings.empty());
}

TEST(TrustStatus, Age) {
  const auto freshness = std::make_shared<Freshness>();
  TrustStatus trust;
  trust.max_age_ms = 1'000;
  EXPECT_FALSE(trust.fresh_at(500, 0)) << "nothing verified yet";
  trust.freshness = freshness;
  freshness->renew(10'000);
  EXPECT_TRUE(trust.fresh_at(11'000, 0));
  EXPECT_FALSE(trust.fresh_at(11'001, 0));
  freshness->renew(9'000);
  EXPECT_EQ(freshness->newest_ms(), 10'000) << "never goes back";
  freshness->renew(12'000);
  EXPECT_TRUE(trust.fresh_at(13'000, 0)) << "a heartbeat renews it without a new snapshot";
  trust.policy = TrustPolicy::kUnsigned;
  EXPECT_TRUE(trust.fresh_at(99'000'000, 0));
}

}  // namespace
}  // namespace flagmesh::snapshot
