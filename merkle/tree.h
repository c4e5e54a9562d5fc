// A Merkle tree in memory over leaf hashes by position (RFC 9162 section 2.1); sorted_tree.h has
// one by key. A plain value, owned and used by one thread at a time; const methods may run on
// several.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "merkle/hash.h"

namespace flagmesh::merkle {

// Root of a list of leaf hashes, without keeping a tree. O(n) time, O(log n) space.
Hash root_of(std::span<const Hash> leaves);

// Every node of a tree is kept, level by level: levels_[k][i] is the hash over leaves [i*2^k,
// (i+1)*2^k) as far as they exist. A node without a right sibling is carried up unhashed, which
// gives exactly RFC 9162's tree. 64 bytes a leaf.
//
// Of five leaves (leaf 4 is carried up twice):
//   level 3                 [0..5)
//   level 2         [0..4)          [4]
//   level 1     [0..2)  [2..4)      [4]
//   level 0     [0] [1] [2] [3]     [4]
class Tree {
 public:
  Tree() = default;
  explicit Tree(std::vector<Hash> leaves);

  uint64_t size() const { return levels_.empty() ? 0 : levels_[0].size(); }
  bool empty() const { return size() == 0; }
  // REQUIRES: index < size().
  const Hash& leaf(uint64_t index) const { return levels_[0][index]; }
  std::span<const Hash> leaves() const;

  Hash root() const;
  // Root of the first `size` leaves; O(log n). REQUIRES: size <= this->size().
  Hash root_at(uint64_t size) const;

  // Root of the `count` leaves from `begin` on. REQUIRES: count a power of two, begin a multiple of
  // it, begin + count <= size().
  const Hash& perfect(uint64_t begin, uint64_t count) const;

  // O(log n).
  void append(const Hash& leaf);
  void set(uint64_t index, const Hash& leaf);  // REQUIRES: index < size()
  // Moves the leaves behind `index` and hashes only interior nodes from there on; O(n).
  void insert(uint64_t index, const Hash& leaf);  // REQUIRES: index <= size()
  void erase(uint64_t index);                     // REQUIRES: index < size()
  // New leaves; keeps the interior nodes that lie wholly before the first leaf that differs.
  void assign(std::vector<Hash> leaves);

  // RFC 9162 section 2.1.3.1, in the tree of the first `size` leaves. REQUIRES: index < size <=
  // this->size().
  Proof inclusion(uint64_t index, uint64_t size) const;
  Proof inclusion(uint64_t index) const { return inclusion(index, size()); }
  // RFC 9162 section 2.1.4.1; empty when old_size is 0 or equal to `size`. REQUIRES: old_size <=
  // size <= this->size().
  Proof consistency(uint64_t old_size, uint64_t size) const;

 private:
  Hash subtree(uint64_t begin, uint64_t end) const;
  void rehash_from(uint64_t leaf);
  void set_path(uint64_t index);

  std::vector<std::vector<Hash>> levels_;
};

}  // namespace flagmesh::merkle
