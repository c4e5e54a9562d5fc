// Random numbers. Rng is fast and not secret (balancing, request ids); random_bytes() is for secrets and sticky keys.
#pragma once

#include <cstdint>
#include <span>

namespace flagmesh {

// xoshiro256** (Blackman and Vigna 2018), seeded from the kernel. One per thread.
class Rng {
 public:
  Rng();
  uint64_t next() {
    const uint64_t result = rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotl(state_[3], 45);
    return result;
  }
  // Uniform in 0 .. bound-1 but for a bias below bound/2^32. REQUIRES: bound > 0.
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>((next() >> 32) * bound >> 32); }

 private:
  static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t state_[4];
};

// From getrandom(2); ends the process when the kernel has none.
void random_bytes(std::span<uint8_t> out);

// 32 lower-case hex digits of 128 bits to `out`.
void write_hex(uint64_t high, uint64_t low, char out[32]);

}  // namespace flagmesh
