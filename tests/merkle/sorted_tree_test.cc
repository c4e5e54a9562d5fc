#include "merkle/sorted_tree.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "merkle/proof.h"

namespace flagmesh::merkle {
namespace {

Hash root_of_map(const std::map<std::string, Hash>& model) {
  std::vector<Hash> leaves;
  for (const auto& [key, leaf] : model) leaves.push_back(leaf);
  return root_of(leaves);
}

TEST(SortedTree, OrderOfArrivalDoesNotMatter) {
  std::vector<SortedTree::Entry> entries;
  for (const char* key : {"b", "a", "\xC3\xA9", "B", "aa", ""})
    entries.push_back({key, leaf_hash(key)});
  SortedTree built = SortedTree::build(entries).value();
  SortedTree grown;
  for (const auto& entry : entries) EXPECT_TRUE(grown.put(entry.key, entry.leaf));
  EXPECT_EQ(built.root(), grown.root());
  EXPECT_EQ(built.key(0), "");
  EXPECT_EQ(built.key(1), "B");
  EXPECT_EQ(built.key(5), "\xC3\xA9");
}

TEST(SortedTree, DuplicatesAreRefused) {
  EXPECT_EQ(SortedTree::build({{"a", {}}, {"b", {}}, {"a", {}}}).error().code, "duplicate_key");
}

TEST(SortedTree, ProofsVerify) {
  SortedTree tree;
  for (int i = 0; i < 25; i++) tree.put("k" + std::to_string(i), leaf_hash(std::to_string(i)));
  for (uint64_t i = 0; i < tree.size(); i++) {
    EXPECT_EQ(tree.find(tree.key(i)), i);
    EXPECT_TRUE(verify_inclusion(tree.leaf(i), i, tree.size(), tree.inclusion(i), tree.root()));
  }
  EXPECT_FALSE(tree.find("absent"));
}

// Batches of every mix against a map.
TEST(SortedTree, BatchesAgreeWithSingleSteps) {
  std::mt19937 random(11);
  SortedTree tree;
  std::map<std::string, Hash> model;
  for (int batch = 0; batch < 400; batch++) {
    std::vector<SortedTree::Change> changes;
    size_t count = random() % (batch % 3 == 0 ? 3 : 40);
    for (size_t i = 0; i < count; i++) {
      SortedTree::Change change{std::to_string(random() % 300), std::nullopt};
      if (random() % 4 != 0) change.leaf = leaf_hash(std::to_string(random()));
      if (change.leaf) {
        model[change.key] = *change.leaf;
      } else {
        model.erase(change.key);
      }
      changes.push_back(std::move(change));
    }
    tree.apply(std::move(changes));
    ASSERT_EQ(tree.size(), model.size());
    ASSERT_EQ(tree.root(), root_of_map(model)) << "batch " << batch;
  }
}

TEST(SortedTree, EraseAndOverwrite) {
  SortedTree tree;
  EXPECT_TRUE(tree.put("a", leaf_hash("1")));
  EXPECT_FALSE(tree.put("a", leaf_hash("2")));
  EXPECT_EQ(tree.root(), leaf_hash("2"));
  EXPECT_FALSE(tree.erase("b"));
  EXPECT_TRUE(tree.erase("a"));
  EXPECT_EQ(tree.root(), empty_root());
}

}  // namespace
}  // namespace flagmesh::merkle
