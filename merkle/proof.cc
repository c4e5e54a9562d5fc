#include "merkle/proof.h"

#include <bit>

namespace flagmesh::merkle {

// The loop of RFC 9162 section 2.1.3.2. `sn` has one bit for each level that is left, so it is zero
// exactly when the proof should have ended.
Result<Hash> root_from_inclusion(const Hash& leaf, uint64_t index, uint64_t size,
                                 std::span<const Hash> proof) {
  if (index >= size) return fail("bad_index", "a leaf behind the end of the tree");
  uint64_t fn = index, sn = size - 1;
  Hash root = leaf;
  for (const Hash& sibling : proof) {
    if (sn == 0) return fail("bad_proof_length", "an inclusion proof that is too long");
    if ((fn & 1) != 0 || fn == sn) {
      root = node_hash(sibling, root);
      // Levels where this node is carried up without a sibling.
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      root = node_hash(root, sibling);
    }
    fn >>= 1, sn >>= 1;
  }
  if (sn != 0) return fail("bad_proof_length", "an inclusion proof that is too short");
  return root;
}

Status verify_inclusion(const Hash& leaf, uint64_t index, uint64_t size,
                        std::span<const Hash> proof, const Hash& root) {
  Result<Hash> computed = root_from_inclusion(leaf, index, size, proof);
  if (!computed) return std::unexpected(computed.error());
  if (*computed != root) return fail("root_mismatch", "the proof does not lead to the root");
  return {};
}

// RFC 9162 section 2.1.4.2: both roots are recomputed from the proof.
Status verify_consistency(uint64_t old_size, uint64_t new_size, const Hash& old_root,
                          const Hash& new_root, std::span<const Hash> proof) {
  if (old_size == 0 || old_size > new_size)
    return fail("bad_size", "a consistency proof from size " + std::to_string(old_size) + " to " +
                                std::to_string(new_size));
  const auto mismatch = [] { return fail("root_mismatch", "the trees are not consistent"); };
  if (old_size == new_size) {
    if (!proof.empty()) return fail("bad_proof_length", "a proof between equal sizes");
    if (old_root != new_root) return mismatch();
    return {};
  }
  const bool perfect = std::has_single_bit(old_size);  // then the old root starts the path itself
  if (!perfect && proof.empty()) return fail("bad_proof_length", "an empty consistency proof");
  uint64_t fn = old_size - 1, sn = new_size - 1;
  while ((fn & 1) != 0) fn >>= 1, sn >>= 1;
  Hash fr = perfect ? old_root : proof[0];
  Hash sr = fr;
  for (const Hash& node : perfect ? proof : proof.subspan(1)) {
    if (sn == 0) return fail("bad_proof_length", "a consistency proof that is too long");
    if ((fn & 1) != 0 || fn == sn) {
      fr = node_hash(node, fr);
      sr = node_hash(node, sr);
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      sr = node_hash(sr, node);
    }
    fn >>= 1, sn >>= 1;
  }
  if (sn != 0) return fail("bad_proof_length", "a consistency proof that is too short");
  if (fr != old_root || sr != new_root) return mismatch();
  return {};
}

std::string format_proof(std::span<const Hash> proof) {
  if (proof.empty()) return "-";
  std::string text;
  for (const Hash& hash : proof) {
    if (!text.empty()) text += ' ';
    text += hash.base64();
  }
  return text;
}

Result<Proof> parse_proof(std::string_view text) {
  Proof proof;
  if (text == "-") return proof;
  while (true) {
    // 64 levels and the extra node of a consistency proof.
    if (proof.size() > 64) return fail("bad_proof", "a proof with more than 65 hashes");
    size_t end = text.find(' ');
    Result<Hash> hash = Hash::from_base64(text.substr(0, end));
    if (!hash) return std::unexpected(hash.error());
    proof.push_back(*hash);
    if (end == std::string_view::npos) return proof;
    text.remove_prefix(end + 1);
  }
}

}  // namespace flagmesh::merkle
