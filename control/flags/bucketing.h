// Which bucket a targeting key falls into: flagd's shipping algorithm ("v2"). The same in every SDK
// and every replica.
//
//   h = murmur3_x86_32(utf8(input), seed 0)      bucket = (uint64(h) * total_weight) >> 32
//
// and the first variant whose cumulative weight is above the bucket. `input` is flag key ‖
// targeting key unless the flag says otherwise.
#pragma once

#include <cstdint>
#include <string_view>

namespace flagmesh::flags {

// MurmurHash3 x86 32-bit, seed 0, fed in pieces. Copyable: the state after a flag's key is computed
// once per flag.
class Murmur3 {
 public:
  void update(std::string_view bytes) noexcept;
  uint32_t finish() const noexcept;  // does not change the state

 private:
  uint32_t hash_ = 0;
  uint32_t tail_ = 0;    // up to three bytes that wait for a fourth, little endian
  uint32_t length_ = 0;  // of everything fed so far
};

inline uint32_t murmur3(std::string_view bytes) noexcept {
  Murmur3 hash;
  hash.update(bytes);
  return hash.finish();
}

// REQUIRES: total_weight < 2^32. Result: 0 … total_weight-1.
inline uint64_t bucket_of(uint32_t hash, uint64_t total_weight) noexcept {
  return (uint64_t{hash} * total_weight) >> 32;
}

// Sum of the weights of one `fractional`: at most this (flagd: int32).
inline constexpr int64_t kMaxTotalWeight = 2'147'483'647;

}  // namespace flagmesh::flags
