#include "control/snapshot/state_writer.h"

#include <gtest/gtest.h>

#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::snapshot {
namespace {

// Short values, so that many entries are cheap; what they say is no flag and not looked at.
EntryChange entry(const std::string& key, int value) {
  return {"default", key, "{\"v\":" + std::to_string(value) + "}"};
}

TEST(StateWriter, RootDependsOnTheEntriesAlone) {
  StateWriter a;
  StateWriter b;
  ASSERT_TRUE(a.stage({entry("x", 1), entry("y", 2), entry("z", 3)}));
  ASSERT_TRUE(b.stage({entry("z", 3), entry("y", 9)}));
  ASSERT_TRUE(b.stage({entry("w", 1), entry("x", 1), entry("y", 2)}));
  ASSERT_TRUE(b.stage({{"default", "w", std::nullopt}}));
  EXPECT_EQ(a.state_root(), b.state_root());
  EXPECT_EQ(a.flags(), 3U);
  StateWriter secret(
      [](std::string_view tenant) { return merkle::TenantSecret::derive("master", tenant); });
  ASSERT_TRUE(secret.stage({entry("x", 1), entry("y", 2), entry("z", 3)}));
  EXPECT_NE(secret.state_root(), a.state_root());
  EXPECT_FALSE(secret.entry("default", "x")->opening.is_zero());
}

TEST(StateWriter, DiscardBringsEverythingBack) {
  PublishingEngine engine;
  engine.publish({entry("x", 1), entry("y", 2)});
  const merkle::Hash root = engine.writer.state_root();
  EXPECT_FALSE(engine.writer.staged());
  ASSERT_TRUE(engine.writer.stage(
      {entry("x", 5), {"default", "y", std::nullopt}, entry("z", 1), {"new", "n", "{}"}}));
  ASSERT_TRUE(engine.writer.stage_tenant("empty"));
  EXPECT_TRUE(engine.writer.staged());
  EXPECT_NE(engine.writer.state_root(), root);
  engine.writer.discard();
  EXPECT_FALSE(engine.writer.staged());
  EXPECT_EQ(engine.writer.state_root(), root);
  EXPECT_EQ(engine.writer.tree("new"), nullptr);
  EXPECT_EQ(engine.writer.entry("default", "z"), nullptr);
  // A change and back is no change.
  ASSERT_TRUE(engine.writer.stage({entry("x", 5)}));
  ASSERT_TRUE(engine.writer.stage({entry("x", 1)}));
  EXPECT_FALSE(engine.writer.staged());
}

TEST(StateWriter, Refusals) {
  StateWriter writer;
  const merkle::Hash empty = writer.state_root();
  EXPECT_EQ(writer.stage({entry("x", 1), {"No Tenant", "x", "{}"}}).error().code, "bad_tenant");
  EXPECT_EQ(writer.stage({entry(std::string(257, 'k'), 1)}).error().code, "too_large");
  EXPECT_EQ(writer.stage({{"default", "x", std::string(600'000, ' ')}}).error().code, "too_large");
  EXPECT_FALSE(writer.stage_tenant(""));
  EXPECT_EQ(writer.state_root(), empty);
}

TEST(StateWriter, EverythingLeavesOutWhatIsStaged) {
  PublishingEngine engine;
  const Publication first = engine.set("a", 1);
  engine.stage({{"default", "a", flag_json("a", 2)}, {"new", "b", flag_json("b", 1, "new")}});
  const merkle::Hash staged = engine.writer.state_root();
  Result<Publication> again = engine.writer.everything(engine.log, first.head, "garbage");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->size, 1U);
  EXPECT_EQ(again->root, first.root);
  EXPECT_EQ(again->tenants.size(), 1U);
  EXPECT_EQ(again->tenants[0].manifest, first.tenants[0].manifest);
  EXPECT_EQ(engine.writer.state_root(), staged);
  EXPECT_TRUE(engine.writer.staged());
  EXPECT_TRUE(engine.writer.publication(engine.log, "head"));
}

}  // namespace
}  // namespace flagmesh::snapshot
