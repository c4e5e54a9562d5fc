#include "merkle/tree.h"

#include <gtest/gtest.h>

#include <random>

#include "merkle/proof.h"
#include "tests/merkle/vectors.h"

namespace flagmesh::merkle {
namespace {

// The definition of RFC 9162 section 2.1.1, word for word; the tree must agree with it.
Hash definition(std::span<const Hash> leaves) {
  if (leaves.empty()) return empty_root();
  if (leaves.size() == 1) return leaves[0];
  size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  return node_hash(definition(leaves.first(k)), definition(leaves.subspan(k)));
}

TEST(Tree, PublishedRoots) {
  auto lines = vectors("root");
  ASSERT_EQ(lines.size(), 26u);
  for (const auto& line : lines) {
    std::vector<Hash> leaves;
    for (const std::string& data : vector_list(line[1])) leaves.push_back(leaf_hash(data));
    EXPECT_EQ(Tree(leaves).root().hex(), line[0]);
    EXPECT_EQ(root_of(leaves).hex(), line[0]);
  }
}

TEST(Tree, AppendingKeepsEveryEarlierRoot) {
  Tree tree;
  std::vector<Hash> leaves = some_leaves(70), roots = {tree.root()};
  for (const Hash& leaf : leaves) {
    tree.append(leaf);
    roots.push_back(tree.root());
    EXPECT_EQ(roots.back(), definition(tree.leaves()));
    for (uint64_t size = 0; size <= tree.size(); size++)
      EXPECT_EQ(tree.root_at(size), roots[size]) << size << " of " << tree.size();
  }
}

TEST(Tree, EveryInclusionProofVerifies) {
  Tree tree(some_leaves(40));
  for (uint64_t size = 1; size <= tree.size(); size++) {
    for (uint64_t i = 0; i < size; i++)
      EXPECT_TRUE(
          verify_inclusion(tree.leaf(i), i, size, tree.inclusion(i, size), tree.root_at(size)))
          << i << " of " << size;
  }
}

TEST(Tree, EveryConsistencyProofVerifies) {
  Tree tree(some_leaves(40));
  for (uint64_t size = 1; size <= tree.size(); size++) {
    for (uint64_t old = 1; old <= size; old++)
      EXPECT_TRUE(verify_consistency(old, size, tree.root_at(old), tree.root_at(size),
                                     tree.consistency(old, size)))
          << old << " to " << size;
  }
  EXPECT_TRUE(tree.consistency(0, 40).empty());
}

// Random edits against a list that is hashed anew each time.
TEST(Tree, EditsAgreeWithTheDefinition) {
  std::mt19937 random(7);
  Tree tree;
  std::vector<Hash> model;
  for (int step = 0; step < 3000; step++) {
    Hash leaf = leaf_hash(std::to_string(random()));
    size_t at = model.empty() ? 0 : random() % model.size();
    auto place = model.begin() + static_cast<ptrdiff_t>(at);
    switch (random() % (model.size() > 50 ? 6 : 4)) {
      case 0:
        model.push_back(leaf);
        tree.append(leaf);
        break;
      case 1:
      case 2:
        model.insert(place, leaf);
        tree.insert(at, leaf);
        break;
      case 3:
        if (model.empty()) break;
        model[at] = leaf;
        tree.set(at, leaf);
        break;
      default:
        model.erase(place);
        tree.erase(at);
    }
    ASSERT_EQ(tree.root(), definition(model)) << "step " << step;
  }
  while (!model.empty()) {
    model.pop_back();
    tree.erase(tree.size() - 1);
    ASSERT_EQ(tree.root(), definition(model));
  }
}

TEST(Tree, AssignKeepsWhatIsBeforeTheFirstDifference) {
  std::vector<Hash> leaves = some_leaves(33);
  Tree tree(leaves);
  leaves[20] = leaf_hash("other");
  tree.assign(leaves);
  EXPECT_EQ(tree.root(), definition(leaves));
  leaves.resize(17);
  tree.assign(leaves);
  EXPECT_EQ(tree.root(), definition(leaves));
  tree.assign({});
  EXPECT_EQ(tree.root(), empty_root());
}

}  // namespace
}  // namespace flagmesh::merkle
