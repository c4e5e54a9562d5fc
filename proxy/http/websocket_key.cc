#include "proxy/http/websocket_key.h"

#include <array>
#include <bit>
#include <cstring>

namespace flagmesh::http {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
using Digest = std::array<uint8_t, 20>;

// FIPS 180-4 §6.1. For handshakes only; it protects nothing.
class Sha1 {
 public:
  Digest digest(std::string_view text) {
    std::array<uint8_t, 64> block;
    size_t at = 0;
    for (; at + block.size() <= text.size(); at += block.size()) {
      memcpy(block.data(), text.data() + at, block.size());
      add(block);
    }
    const size_t rest = text.size() - at;
    block.fill(0);
    memcpy(block.data(), text.data() + at, rest);
    block[rest] = 0x80;
    if (rest >= 56) {
      add(block);
      block.fill(0);
    }
    const uint64_t bits = uint64_t{text.size()} * 8;
    for (size_t i = 0; i < 8; ++i) block[56 + i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
    add(block);
    Digest out;
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
    }
    return out;
  }

 private:
  void add(const std::array<uint8_t, 64>& block) {
    std::array<uint32_t, 80> w;
    for (size_t i = 0; i < 16; ++i) {
      w[i] = uint32_t{block[4 * i]} << 24 | uint32_t{block[4 * i + 1]} << 16 |
             uint32_t{block[4 * i + 2]} << 8 | block[4 * i + 3];
    }
    for (size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = state_;
    for (size_t i = 0; i < 80; ++i) {
      const uint32_t f = i < 20   ? (b & c) | (~b & d)
                         : i < 40 ? b ^ c ^ d
                         : i < 60 ? (b & c) | (b & d) | (c & d)
                                  : b ^ c ^ d;
      const uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
      const uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    const std::array<uint32_t, 5> more{a, b, c, d, e};
    for (size_t i = 0; i < 5; ++i) state_[i] += more[i];
  }

  std::array<uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
};

// RFC 4648 §4.
template <size_t kSize>
std::string_view base64(const std::array<uint8_t, kSize>& bytes, Arena& arena) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr size_t kText = (kSize + 2) / 3 * 4;
  char* text = static_cast<char*>(arena.allocate(kText, 1));
  size_t to = 0;
  for (size_t i = 0; i < kSize; i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (i + j < kSize ? bytes[i + j] : 0U);
    for (size_t j = 0; j < 4; ++j) {
      text[to++] = i + j > kSize ? '=' : kLetters[(group >> (18 - 6 * j)) & 63];
    }
  }
  return {text, kText};
}

}  // namespace

std::string_view websocket_key(uint64_t random_a, uint64_t random_b, Arena& arena) {
  std::array<uint8_t, 16> bytes;
  memcpy(bytes.data(), &random_a, 8);
  memcpy(bytes.data() + 8, &random_b, 8);
  return base64(bytes, arena);
}

std::string_view websocket_accept(std::string_view key, Arena& arena) {
  return base64(Sha1().digest(arena.join(key, kGuid)), arena);
}

}  // namespace flagmesh::http
