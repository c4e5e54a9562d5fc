// Proofs and compact ranges. The input is read as a proof's place and its hashes; whatever a
// verifier accepts under a known tree must be that tree's own proof.
#include <cstdlib>
#include <string>
#include <string_view>

#include "merkle/compact_range.h"
#include "merkle/encoding.h"
#include "merkle/proof.h"
#include "merkle/tree.h"

using namespace flagmesh::merkle;

namespace {

constexpr uint64_t kLeaves = 13;

const Tree& known_tree() {
  static const Tree kTree = [] {
    Tree tree;
    for (uint64_t i = 0; i < kLeaves; i++) tree.append(leaf_hash(std::to_string(i)));
    return tree;
  }();
  return kTree;
}

// The known nodes are given by number, so that a mutation hits real hashes often enough.
Hash hash_of(uint8_t number) {
  const Tree& tree = known_tree();
  if (number < kLeaves) return tree.leaf(number);
  if (number < kLeaves + 6) return tree.perfect(2 * (number - kLeaves), 2);
  if (number < kLeaves + 9) return tree.perfect(4 * (number - kLeaves - 6), 4);
  if (number == kLeaves + 9) return tree.perfect(0, 8);
  return leaf_hash(std::string_view(reinterpret_cast<const char*>(&number), 1));
}

void check_known(std::string_view input) {
  const Tree& tree = known_tree();
  uint64_t first = read_u64(input), second = read_u64(input.substr(8));
  Proof proof;
  for (char number : input.substr(16)) proof.push_back(hash_of(static_cast<uint8_t>(number)));
  if (first < kLeaves && second == kLeaves) {
    bool ok = verify_inclusion(tree.leaf(first), first, second, proof, tree.root()).has_value();
    if (ok != (proof == tree.inclusion(first))) std::abort();
  }
  if (first >= 1 && first <= second && second <= kLeaves) {
    bool ok = verify_consistency(first, second, tree.root_at(first), tree.root_at(second), proof)
                  .has_value();
    if (ok != (proof == tree.consistency(first, second))) std::abort();
  }
  (void)verify_inclusion(tree.leaf(0), first, second, proof, tree.root());
  (void)verify_consistency(first, second, tree.root(), tree.root(), proof);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size >= 16 && size < 16 + 80) check_known(input);
  if (auto proof = parse_proof(input); proof)
    if (format_proof(*proof) != input) std::abort();
  if (auto range = CompactRange::parse(input); range) {
    if (range->serialize() != input) std::abort();
    (void)range->root();
  }
  return 0;
}
