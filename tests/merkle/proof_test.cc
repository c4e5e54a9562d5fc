#include "merkle/proof.h"

#include <gtest/gtest.h>

#include "merkle/tree.h"
#include "tests/merkle/vectors.h"

namespace flagmesh::merkle {
namespace {

TEST(Proof, PublishedInclusionCases) {
  auto lines = vectors("inclusion");
  ASSERT_EQ(lines.size(), 403u);
  for (const auto& line : lines) {
    auto root = Hash::from_bytes(vector_bytes(line[4]));
    auto leaf = Hash::from_bytes(vector_bytes(line[5]));
    auto proof = vector_proof(line[6]);
    bool ok = root && leaf && proof &&
              verify_inclusion(*leaf, std::stoull(line[3]), std::stoull(line[2]), *proof, *root);
    EXPECT_EQ(ok, line[0] == "ok") << line[1];
  }
}

// Some cases have a few letters in the place of a root that is only compared.
Hash opaque_root(const std::string& field) {
  std::string bytes = vector_bytes(field);
  bytes.resize(Hash::kSize);
  return Hash::from_bytes(bytes).value();
}

TEST(Proof, PublishedConsistencyCases) {
  auto lines = vectors("consistency");
  ASSERT_EQ(lines.size(), 251u);
  for (const auto& line : lines) {
    Hash root1 = opaque_root(line[4]), root2 = opaque_root(line[5]);
    auto proof = vector_proof(line[6]);
    bool ok = proof &&
              verify_consistency(std::stoull(line[2]), std::stoull(line[3]), root1, root2, *proof);
    if (line[0] == "any") continue;
    EXPECT_EQ(ok, line[0] == "ok") << line[1];
  }
}

TEST(Proof, AnyOtherIndexSizeOrLengthIsRefused) {
  Tree tree(some_leaves(13));
  for (uint64_t index = 0; index < 13; index++) {
    Proof proof = tree.inclusion(index);
    for (uint64_t other = 0; other < 20; other++) {
      if (other == index) continue;
      EXPECT_FALSE(verify_inclusion(tree.leaf(index), other, 13, proof, tree.root()));
    }
    Proof longer = proof, shorter = proof;
    longer.push_back({});
    EXPECT_EQ(verify_inclusion(tree.leaf(index), index, 13, longer, tree.root()).error().code,
              "bad_proof_length");
    shorter.pop_back();
    EXPECT_EQ(verify_inclusion(tree.leaf(index), index, 13, shorter, tree.root()).error().code,
              "bad_proof_length");
  }
  EXPECT_EQ(verify_inclusion({}, 0, 0, {}, {}).error().code, "bad_index");
  EXPECT_FALSE(verify_inclusion({}, UINT64_MAX - 1, UINT64_MAX, Proof(64), {}));
}

TEST(Proof, ConsistencyErrorsHaveTheirCodes) {
  Tree tree(some_leaves(13));
  Hash old_root = tree.root_at(6), root = tree.root();
  Proof proof = tree.consistency(6, 13);
  EXPECT_TRUE(verify_consistency(6, 13, old_root, root, proof));
  EXPECT_EQ(verify_consistency(0, 13, empty_root(), root, {}).error().code, "bad_size");
  EXPECT_EQ(verify_consistency(0, 0, empty_root(), empty_root(), {}).error().code, "bad_size");
  EXPECT_EQ(verify_consistency(13, 6, root, old_root, proof).error().code, "bad_size");
  EXPECT_EQ(verify_consistency(6, 13, old_root, root, {}).error().code, "bad_proof_length");
  EXPECT_EQ(verify_consistency(13, 13, root, root, proof).error().code, "bad_proof_length");
  EXPECT_EQ(verify_consistency(13, 13, root, old_root, {}).error().code, "root_mismatch");
  EXPECT_EQ(verify_consistency(6, 13, root, root, proof).error().code, "root_mismatch");
  proof.push_back({});
  EXPECT_EQ(verify_consistency(6, 13, old_root, root, proof).error().code, "bad_proof_length");
}

TEST(Proof, TextRoundTrip) {
  Tree tree(some_leaves(13));
  for (const Proof& proof : {Proof{}, tree.inclusion(3), tree.consistency(6, 13)})
    EXPECT_EQ(parse_proof(format_proof(proof)).value(), proof);
  std::string one = format_proof(Proof(1));
  for (const std::string& bad : {std::string(), " " + one, one + " ", one + "  " + one, one + "\n",
                                 one.substr(1), "- " + one, format_proof(Proof(66))})
    EXPECT_FALSE(parse_proof(bad)) << bad;
}

}  // namespace
}  // namespace flagmesh::merkle
