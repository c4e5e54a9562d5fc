// Verification of Merkle proofs (RFC 9162 sections 2.1.3.2 and 2.1.4.2). Pure functions over
// untrusted input: sizes and indexes may be anything up to 2^64-1, proofs any length; work is
// bounded by 64 hashes and nothing is allocated. Generation is in tree.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

// The leaf with this hash is number `index` (from 0) of the `size` leaves under `root`. Codes:
// "bad_index" (index not below size), "bad_proof_length" (not exactly the length that index and
// size ask for), "root_mismatch".
Status verify_inclusion(const Hash& leaf, uint64_t index, uint64_t size,
                        std::span<const Hash> proof, const Hash& root);

// The root that an inclusion proof leads to. Codes "bad_index", "bad_proof_length".
Result<Hash> root_from_inclusion(const Hash& leaf, uint64_t index, uint64_t size,
                                 std::span<const Hash> proof);

// The tree under `new_root` begins with the `old_size` leaves under `old_root`. Sizes must be 1 or
// more: an empty log has nothing to be consistent with, and whoever starts from nothing pins a
// first checkpoint instead. Equal sizes ask for equal roots and an empty proof. Codes: "bad_size"
// (0, or old above new), "bad_proof_length", "root_mismatch" (the old or the new root is not the
// one that the proof leads to).
Status verify_consistency(uint64_t old_size, uint64_t new_size, const Hash& old_root,
                          const Hash& new_root, std::span<const Hash> proof);

// One line of text: the hashes in base64 separated by one blank; an empty proof is "-". Used in
// lock files and proof files. Codes "bad_proof", "bad_base64", "bad_hash".
std::string format_proof(std::span<const Hash> proof);
Result<Proof> parse_proof(std::string_view text);

}  // namespace flagmesh::merkle
