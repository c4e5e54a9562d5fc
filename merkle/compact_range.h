// The least that a reader of a log keeps so that it can go on appending: the roots of the perfect
// subtrees that cover the log's leaves from the first, largest first. One hash for each bit that is
// set in the size; at most 64.
//
// A router keeps one: it extends it by the records of a delta and compares root() with the
// checkpoint's. That is a consistency proof by construction, since every earlier leaf is under the
// hashes it already had.
//
// Serialised (binary, canonical):
//   compact-range = %x01 size *hash
//   size          = uint64, big-endian
//   hash          = 32 bytes; as many as `size` has bits set
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/hash.h"
#include "merkle/tree.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

// A plain value; one thread at a time.
class CompactRange {
 public:
  CompactRange() = default;
  // Of the first `size` leaves of a tree. REQUIRES: size <= tree.size().
  static CompactRange of(const Tree& tree, uint64_t size);

  uint64_t size() const { return size_; }
  std::span<const Hash> hashes() const { return hashes_; }

  // REQUIRES: size() < 2^64-1.
  void append(const Hash& leaf);
  // RFC 9162 root of the `size()` leaves; empty_root() for none.
  Hash root() const;

  std::string serialize() const;
  // Code "bad_compact_range": version, or a number of hashes that does not fit the size. What the
  // hashes mean is proven only by comparing root() with a root that is trusted.
  static Result<CompactRange> parse(std::string_view bytes);

 private:
  uint64_t size_ = 0;
  std::vector<Hash> hashes_;
};

}  // namespace flagmesh::merkle
