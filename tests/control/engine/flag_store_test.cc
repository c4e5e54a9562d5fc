#include "control/engine/flag_store.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"
#include "control/flags/parse.h"
#include "control/flags/prerequisites.h"

namespace flagmesh::engine {
namespace {

flags::FlagSet set_of(const std::string& text) {
  flags::ParsedFlags parsed = flags::parse_flag_file(text, "f.yaml", "default");
  flags::resolve_prerequisites(parsed.flags, parsed.diagnostics);
  EXPECT_FALSE(has_errors(parsed.diagnostics)) << parsed.diagnostics.front().text();
  return parsed.flags;
}

std::string two(int on) {
  return "flags:\n  a: { enabled: true, variants: { x: 1, y: 2 }, defaultVariant: x, rollout: { "
         "x: " +
         std::to_string(100 - on) + ", y: " + std::to_string(on) +
         " } }\n  b: { enabled: true, variants: { x: 1 }, defaultVariant: x }\n";
}

FlagRequest enabled(bool value) {
  FlagRequest request;
  request.enabled = value;
  return request;
}
FlagRequest reset() {
  FlagRequest request;
  request.reset = true;
  return request;
}

TEST(FlagStore, LoadGivesWhatChanged) {
  FlagStore store("default");
  EXPECT_EQ(store.load(set_of(two(10))).size(), 2u);
  EXPECT_TRUE(store.load(set_of(two(10))).empty());
  const auto changes = store.load(set_of(two(20)));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].key, "a");
  EXPECT_EQ(store.load(set_of("flags: {}\n")).size(), 2u);
  EXPECT_TRUE(store.flags().empty());
}

TEST(FlagStore, AnOverlayStaysUntilTheFileDefinesThatFlagAnew) {
  FlagStore store("default");
  store.load(set_of(two(10)));
  ASSERT_TRUE(store.apply("b", enabled(false), "api"));
  EXPECT_EQ(store.find("b")->owner, FlagOwner::kOverlay);
  store.load(set_of(two(20)));  // another flag of the file changes
  EXPECT_EQ(store.find("b")->definition.state, flags::FlagState::kDisabled);
  std::string anew = two(20);
  anew.replace(anew.find("b: { enabled: true, variants: { x: 1 }"), 38,
               "b: { enabled: true, variants: { x: 9 }");
  ASSERT_EQ(store.load(set_of(anew)).size(), 1u);
  EXPECT_EQ(store.find("b")->owner, FlagOwner::kFile);
  EXPECT_EQ(store.find("b")->definition.state, flags::FlagState::kEnabled);
}

TEST(FlagStore, ResetGivesTheFlagBackToTheFile) {
  FlagStore store("default");
  store.load(set_of(two(10)));
  FlagRequest kill;
  kill.kill = "y";
  ASSERT_TRUE(store.apply("a", kill, "api"));
  FlagRequest rollout;
  rollout.rollout = flags::Weights{{"x", 1}, {"y", 1}};
  const auto refused = store.apply("a", rollout, "api");
  EXPECT_EQ(refused.error().code, "no_fractional");
  EXPECT_NE(refused.error().mend.find("reset"), std::string::npos);
  ASSERT_TRUE(store.apply("a", reset(), "api"));
  EXPECT_TRUE(store.apply("a", rollout, "api"));
  ASSERT_TRUE(store.apply("a", reset(), "api"));
  EXPECT_EQ(store.apply("a", reset(), "api").error().code, "nothing_to_reset");
}

TEST(FlagStore, AFlagOfTheApiGoesWithResetAndIsTakenOverByAFile) {
  FlagStore store("default");
  store.load(set_of(two(10)));
  FlagRequest create;
  create.definition =
      set_of("flags:\n  c: { enabled: true, variants: { x: 1 }, defaultVariant: x }\n").flags[0];
  ASSERT_TRUE(store.apply("c", create, "api"));
  EXPECT_EQ(store.find("c")->owner, FlagOwner::kApi);
  store.load(set_of(two(11)));
  ASSERT_NE(store.find("c"), nullptr);
  const auto gone = store.apply("c", reset(), "api");
  ASSERT_TRUE(gone);
  EXPECT_FALSE(gone->front().json);
  EXPECT_EQ(store.find("c"), nullptr);
  ASSERT_TRUE(store.apply("c", create, "api"));
  store.load(set_of(two(11) + "  c: { enabled: false, variants: { x: 1 }, defaultVariant: x }\n"));
  EXPECT_EQ(store.find("c")->owner, FlagOwner::kFile);
}

TEST(FlagStore, RestoreRebuildsWhatLiesOverTheFiles) {
  FlagStore before("default");
  before.load(set_of(two(10)));
  const auto change = before.apply("b", enabled(false), "api");
  ASSERT_TRUE(change);
  for (const bool file_changed : {false, true}) {
    FlagStore after("default");
    ASSERT_TRUE(after.restore(change->front()));
    std::string text = two(10);
    if (file_changed) text.replace(text.find("variants: { x: 1 }"), 18, "variants: { x: 8 }");
    after.load(set_of(text));
    EXPECT_EQ(after.find("b")->owner, file_changed ? FlagOwner::kFile : FlagOwner::kOverlay);
  }
  FlagStore forgotten("default");
  ASSERT_TRUE(forgotten.restore(change->front()));
  FlagChange dropped = change->front();
  dropped.over.clear();
  ASSERT_TRUE(forgotten.restore(dropped));
  EXPECT_TRUE(forgotten.flags().empty());
}

TEST(FlagStore, MetadataIsAChangeOfItsOwn) {
  FlagStore store("default");
  store.load(set_of(two(10)));
  const auto changes = store.load(set_of(two(10) + "metadata: { team: shop }\n"));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_TRUE(changes[0].key.empty());
  EXPECT_TRUE(changes[0].json);
}

std::string needing(int on) {
  return two(on) +
         "  c: { enabled: true, variants: { x: 1, y: 2 }, defaultVariant: x, prerequisites: [{ flag: a, "
         "variant: y }], rollout: { x: 50, y: 50 } }\n";
}

std::string targeting(const FlagStore& store, const std::string& key) {
  return flags::canonical_json(store.find(key)->definition.targeting);
}

TEST(FlagStore, AChangedPrerequisiteChangesWhoNeedsIt) {
  FlagStore store("default");
  EXPECT_EQ(store.load(set_of(needing(10))).size(), 3u);
  EXPECT_TRUE(store.load(set_of(needing(10))).empty());
  EXPECT_NE(targeting(store, "c").find(R"(["y",10])"), std::string::npos) << targeting(store, "c");
  FlagRequest rollout;
  rollout.rollout = flags::Weights{{"x", 70}, {"y", 30}};
  const auto changes = store.apply("a", rollout, "api");
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->size(), 2u);
  EXPECT_EQ(changes->back().key, "c");
  EXPECT_NE(targeting(store, "c").find(R"(["y",30])"), std::string::npos) << targeting(store, "c");
  EXPECT_TRUE(store.load(set_of(needing(10))).empty());
  EXPECT_NE(targeting(store, "c").find(R"(["y",30])"), std::string::npos);
  // Its own rollout is the one that a command changes.
  rollout.rollout = flags::Weights{{"x", 1}, {"y", 99}};
  ASSERT_TRUE(store.apply("c", rollout, "api"));
  EXPECT_NE(targeting(store, "c").find(R"(["y",99])"), std::string::npos);
  EXPECT_NE(targeting(store, "c").find(R"(["y",30])"), std::string::npos);
}

TEST(FlagStore, PrerequisitesSurviveARestart) {
  FlagStore before("default");
  before.load(set_of(needing(10)));
  FlagRequest rollout;
  rollout.rollout = flags::Weights{{"x", 1}, {"y", 99}};
  const auto changes = before.apply("c", rollout, "api");
  ASSERT_TRUE(changes);
  FlagStore after("default");
  ASSERT_TRUE(after.restore(changes->front()));
  after.load(set_of(needing(20)));  // the prerequisite's file changed meanwhile: what lies over stays
  EXPECT_EQ(after.find("c")->owner, FlagOwner::kOverlay);
  EXPECT_NE(targeting(after, "c").find(R"(["y",99])"), std::string::npos);
  EXPECT_NE(targeting(after, "c").find(R"(["y",20])"), std::string::npos) << targeting(after, "c");
}

TEST(FlagStore, ACircleIsRefused) {
  FlagStore store("default");
  store.load(set_of(needing(10)));
  FlagRequest replace;
  replace.definition = set_of(needing(10)).flags[0];
  replace.definition->prerequisites = {{.flag = "c", .variants = {"x"}}};
  replace.definition->own_targeting = replace.definition->targeting;
  const auto refused = store.apply("a", replace, "api");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "prerequisite_cycle");
  EXPECT_NE(refused.error().message.find("'a' needs 'c' needs 'a'"), std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace flagmesh::engine
