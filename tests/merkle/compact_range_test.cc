#include "merkle/compact_range.h"

#include <gtest/gtest.h>

#include <bit>

#include "tests/merkle/vectors.h"

namespace flagmesh::merkle {
namespace {

TEST(CompactRange, FollowsTheTree) {
  Tree tree;
  CompactRange range;
  EXPECT_EQ(range.root(), empty_root());
  for (const Hash& leaf : some_leaves(130)) {
    tree.append(leaf);
    range.append(leaf);
    ASSERT_EQ(range.root(), tree.root());
    ASSERT_EQ(range.hashes().size(), static_cast<size_t>(std::popcount(range.size())));
    CompactRange taken = CompactRange::of(tree, range.size());
    ASSERT_EQ(taken.serialize(), range.serialize());
  }
  EXPECT_EQ(CompactRange::of(tree, 77).root(), tree.root_at(77));
}

TEST(CompactRange, SurvivesSerialisation) {
  Tree tree(some_leaves(100));
  for (uint64_t size : {0, 1, 2, 63, 64, 99}) {
    std::string bytes = CompactRange::of(tree, size).serialize();
    CompactRange range = CompactRange::parse(bytes).value();
    EXPECT_EQ(range.serialize(), bytes);
    for (uint64_t i = size; i < tree.size(); i++) range.append(tree.leaf(i));
    EXPECT_EQ(range.root(), tree.root());
  }
}

TEST(CompactRange, RefusesWhatDoesNotFit) {
  std::string good = CompactRange::of(Tree(some_leaves(5)), 5).serialize();
  EXPECT_FALSE(CompactRange::parse(""));
  EXPECT_FALSE(CompactRange::parse(good.substr(0, 8)));
  EXPECT_FALSE(CompactRange::parse(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(CompactRange::parse(good + std::string(32, '\0')));
  std::string version = good;
  version[0] = 2;
  EXPECT_FALSE(CompactRange::parse(version));
}

}  // namespace
}  // namespace flagmesh::merkle
