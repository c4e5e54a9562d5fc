#include "merkle/tree.h"

#include <algorithm>
#include <bit>

namespace flagmesh::merkle {

namespace {

// The node over below[2i] and below[2i+1]; a lone left child is carried up unhashed.
Hash parent(const std::vector<Hash>& below, uint64_t i) {
  return 2 * i + 1 < below.size() ? node_hash(below[2 * i], below[2 * i + 1]) : below[2 * i];
}

// The largest power of two below n: where RFC 9162 splits a list of n. REQUIRES: n > 1.
uint64_t split_of(uint64_t n) {
  return std::bit_floor(n - 1);
}

}  // namespace

Hash root_of(std::span<const Hash> leaves) {
  // Roots of the perfect subtrees so far, largest first, as in compact_range.h.
  std::vector<Hash> roots;
  for (uint64_t count = 0; count < leaves.size(); count++) {
    Hash hash = leaves[count];
    for (uint64_t bits = count; bits & 1; bits >>= 1) {
      hash = node_hash(roots.back(), hash);
      roots.pop_back();
    }
    roots.push_back(hash);
  }
  if (roots.empty()) return empty_root();
  Hash root = roots.back();
  for (size_t i = roots.size() - 1; i-- > 0;) root = node_hash(roots[i], root);
  return root;
}

Tree::Tree(std::vector<Hash> leaves) {
  assign(std::move(leaves));
}

std::span<const Hash> Tree::leaves() const {
  return levels_.empty() ? std::span<const Hash>() : std::span<const Hash>(levels_[0]);
}

Hash Tree::root() const {
  return empty() ? empty_root() : levels_.back()[0];
}

Hash Tree::root_at(uint64_t size) const {
  return size == 0 ? empty_root() : subtree(0, size);
}

void Tree::append(const Hash& leaf) {
  if (levels_.empty()) levels_.emplace_back();
  levels_[0].push_back(leaf);
  set_path(size() - 1);
}

void Tree::set(uint64_t index, const Hash& leaf) {
  levels_[0][index] = leaf;
  set_path(index);
}

void Tree::insert(uint64_t index, const Hash& leaf) {
  if (index == size()) return append(leaf);
  std::vector<Hash>& leaves = levels_[0];
  leaves.insert(leaves.begin() + static_cast<ptrdiff_t>(index), leaf);
  rehash_from(index);
}

void Tree::erase(uint64_t index) {
  std::vector<Hash>& leaves = levels_[0];
  leaves.erase(leaves.begin() + static_cast<ptrdiff_t>(index));
  rehash_from(index);
}

void Tree::assign(std::vector<Hash> leaves) {
  if (levels_.empty()) levels_.emplace_back();
  auto differs =
      std::mismatch(leaves.begin(), leaves.end(), levels_[0].begin(), levels_[0].end()).first;
  uint64_t first = static_cast<uint64_t>(differs - leaves.begin());
  levels_[0] = std::move(leaves);
  rehash_from(first);
}

// Recomputes what is above one leaf, which may be a new last one.
void Tree::set_path(uint64_t index) {
  for (size_t k = 0; levels_[k].size() > 1; k++) {
    if (levels_.size() == k + 1) levels_.emplace_back();
    index >>= 1;
    Hash hash = parent(levels_[k], index);
    if (index == levels_[k + 1].size()) {
      levels_[k + 1].push_back(hash);
    } else {
      levels_[k + 1][index] = hash;
    }
  }
}

// Recomputes what is above the leaves from `leaf` on; leaf may be size() when the end was cut off.
void Tree::rehash_from(uint64_t leaf) {
  size_t k = 0;
  for (uint64_t first = leaf; levels_[k].size() > 1; k++) {
    if (levels_.size() == k + 1) levels_.emplace_back();
    const std::vector<Hash>& below = levels_[k];
    std::vector<Hash>& above = levels_[k + 1];
    above.resize((below.size() + 1) / 2);
    first >>= 1;
    for (uint64_t i = first; i < above.size(); i++) above[i] = parent(below, i);
  }
  levels_.resize(k + 1);
}

const Hash& Tree::perfect(uint64_t begin, uint64_t count) const {
  int level = std::countr_zero(count);
  return levels_[static_cast<size_t>(level)][begin >> level];
}

// RFC 9162's MTH over leaves [begin, end). REQUIRES: begin < end, and begin a multiple of a power
// of two that is at least end - begin, as all ranges are that come from splitting [0, n).
Hash Tree::subtree(uint64_t begin, uint64_t end) const {
  uint64_t count = end - begin;
  if (std::has_single_bit(count)) return perfect(begin, count);
  uint64_t split = split_of(count);
  return node_hash(subtree(begin, begin + split), subtree(begin + split, end));
}

Proof Tree::inclusion(uint64_t index, uint64_t size) const {
  Proof proof;
  uint64_t begin = 0, end = size;
  while (end - begin > 1) {
    uint64_t split = begin + split_of(end - begin);
    if (index < split) {
      proof.push_back(subtree(split, end));
      end = split;
    } else {
      proof.push_back(subtree(begin, split));
      begin = split;
    }
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Proof Tree::consistency(uint64_t old_size, uint64_t size) const {
  Proof proof;
  if (old_size == 0 || old_size == size) return proof;
  uint64_t begin = 0, end = size;
  // Down to where the old tree ends: its right border is then the whole of [begin, end).
  while (end != old_size) {
    uint64_t split = begin + split_of(end - begin);
    if (old_size <= split) {
      proof.push_back(subtree(split, end));
      end = split;
    } else {
      proof.push_back(subtree(begin, split));
      begin = split;
    }
  }
  // The reader has the old root already; only a part of it must be told.
  if (begin != 0) proof.push_back(subtree(begin, end));
  std::reverse(proof.begin(), proof.end());
  return proof;
}

}  // namespace flagmesh::merkle
