#include "control/flags/bucketing.h"

#include <bit>
#include <cstring>

namespace flagmesh::flags {

namespace {

constexpr uint32_t kC1 = 0xcc9e2d51;
constexpr uint32_t kC2 = 0x1b873593;

uint32_t scramble(uint32_t block) noexcept {
  return std::rotl(block * kC1, 15) * kC2;
}

uint32_t mix(uint32_t hash, uint32_t block) noexcept {
  return std::rotl(hash ^ scramble(block), 13) * 5 + 0xe6546b64;
}

uint32_t load_little_endian(const char* bytes) noexcept {
  uint32_t block;
  std::memcpy(&block, bytes, sizeof(block));
  if constexpr (std::endian::native == std::endian::big) block = __builtin_bswap32(block);
  return block;
}

}  // namespace

void Murmur3::update(std::string_view bytes) noexcept {
  const char* at = bytes.data();
  size_t left = bytes.size();
  unsigned waiting = length_ & 3;
  length_ += static_cast<uint32_t>(left);
  while (waiting != 0 && left != 0) {
    tail_ |= uint32_t{static_cast<unsigned char>(*at)} << (8 * waiting);
    ++at;
    --left;
    waiting = (waiting + 1) & 3;
    if (waiting == 0) {
      hash_ = mix(hash_, tail_);
      tail_ = 0;
    }
  }
  if (left == 0) return;
  for (; left >= 4; at += 4, left -= 4) hash_ = mix(hash_, load_little_endian(at));
  for (unsigned i = 0; i < left; ++i)
    tail_ |= uint32_t{static_cast<unsigned char>(at[i])} << (8 * i);
}

uint32_t Murmur3::finish() const noexcept {
  uint32_t hash = hash_;
  if ((length_ & 3) != 0) hash ^= scramble(tail_);
  hash ^= length_;
  hash ^= hash >> 16;
  hash *= 0x85ebca6b;
  hash ^= hash >> 13;
  hash *= 0xc2b2ae35;
  hash ^= hash >> 16;
  return hash;
}

}  // namespace flagmesh::flags
