#include "merkle/compact_range.h"

#include <bit>

#include "merkle/encoding.h"

namespace flagmesh::merkle {

namespace {
constexpr char kVersion = 1;
constexpr size_t kHeadBytes = 1 + 8;
}  // namespace

CompactRange CompactRange::of(const Tree& tree, uint64_t size) {
  CompactRange range;
  range.size_ = size;
  uint64_t begin = 0;
  for (uint64_t rest = size; rest != 0; rest &= ~std::bit_floor(rest)) {
    range.hashes_.push_back(tree.perfect(begin, std::bit_floor(rest)));
    begin += std::bit_floor(rest);
  }
  return range;
}

void CompactRange::append(const Hash& leaf) {
  Hash hash = leaf;
  // Like adding one to a binary number: each carry joins two subtrees of the same size.
  for (uint64_t bits = size_; bits & 1; bits >>= 1) {
    hash = node_hash(hashes_.back(), hash);
    hashes_.pop_back();
  }
  hashes_.push_back(hash);
  size_++;
}

Hash CompactRange::root() const {
  if (hashes_.empty()) return empty_root();
  Hash root = hashes_.back();
  for (size_t i = hashes_.size() - 1; i-- > 0;) root = node_hash(hashes_[i], root);
  return root;
}

std::string CompactRange::serialize() const {
  std::string bytes(1, kVersion);
  append_u64(bytes, size_);
  for (const Hash& hash : hashes_) bytes += hash.view();
  return bytes;
}

Result<CompactRange> CompactRange::parse(std::string_view bytes) {
  if (bytes.size() < kHeadBytes || bytes[0] != kVersion)
    return fail("bad_compact_range", "a compact range of an unknown version");
  CompactRange range;
  range.size_ = read_u64(bytes.substr(1));
  bytes.remove_prefix(kHeadBytes);
  size_t count = static_cast<size_t>(std::popcount(range.size_));
  if (bytes.size() != count * Hash::kSize)
    return fail("bad_compact_range", "a compact range whose hashes do not fit its size");
  for (size_t i = 0; i < count; i++)
    range.hashes_.push_back(*Hash::from_bytes(bytes.substr(i * Hash::kSize, Hash::kSize)));
  return range;
}

}  // namespace flagmesh::merkle
