#include "control/engine/flag_store.h"

#include <gtest/gtest.h>

#include "control/flags/parse.h"

namespace flagmesh::engine {
namespace {

flags::FlagSet set_of(const std::string& text) {
  flags::ParsedFlags parsed = flags::parse_flag_file(text, "f.yaml", "default");
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
  EXPECT_FALSE(gone->json);
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
    ASSERT_TRUE(after.restore(*change));
    std::string text = two(10);
    if (file_changed) text.replace(text.find("variants: { x: 1 }"), 18, "variants: { x: 8 }");
    after.load(set_of(text));
    EXPECT_EQ(after.find("b")->owner, file_changed ? FlagOwner::kFile : FlagOwner::kOverlay);
  }
  FlagStore forgotten("default");
  ASSERT_TRUE(forgotten.restore(*change));
  FlagChange dropped = *change;
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

}  // namespace
}  // namespace flagmesh::engine
