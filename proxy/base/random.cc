#include "proxy/base/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace flagmesh {

Rng::Rng() {
  random_bytes({reinterpret_cast<uint8_t*>(state_), sizeof state_});
  state_[0] |= 1;  // never all zero
}

void random_bytes(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t n = getrandom(out.data(), out.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) abort();
    out = out.subspan(static_cast<size_t>(n));
  }
}

void write_hex(uint64_t high, uint64_t low, char out[32]) {
  // Two digits a step.
  static constexpr std::array<std::array<char, 2>, 256> kPairs = [] {
    constexpr char kDigits[] = "0123456789abcdef";
    std::array<std::array<char, 2>, 256> pairs{};
    for (size_t i = 0; i < 256; ++i) pairs[i] = {kDigits[i >> 4], kDigits[i & 15]};
    return pairs;
  }();
  for (int i = 0; i < 8; ++i) {
    memcpy(out + 2 * i, kPairs[(high >> (56 - 8 * i)) & 255].data(), 2);
    memcpy(out + 16 + 2 * i, kPairs[(low >> (56 - 8 * i)) & 255].data(), 2);
  }
}

}  // namespace flagmesh
