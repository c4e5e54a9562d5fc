#include "proxy/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

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
  static constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 0; i < 16; ++i) {
    out[i] = kDigits[(high >> (60 - 4 * i)) & 15];
    out[16 + i] = kDigits[(low >> (60 - 4 * i)) & 15];
  }
}

}  // namespace flagmesh
