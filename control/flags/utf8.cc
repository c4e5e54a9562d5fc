#include "control/flags/utf8.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace flagmesh::flags {

namespace {

// Length of the well-formed sequence at the front, 0 when there is none (RFC 3629 §4, the table of
// second bytes).
size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (!continues(1)) return 0;
  const unsigned char second = byte(1);
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (lead == 0xE0 && second < 0xA0) return 0;  // overlong
    if (lead == 0xED && second > 0x9F) return 0;  // surrogate
    return continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (lead == 0xF0 && second < 0x90) return 0;  // overlong
    if (lead == 0xF4 && second > 0x8F) return 0;  // above U+10FFFF
    return continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::optional<size_t> utf8_error(std::string_view text) noexcept {
  size_t at = 0;
  while (at < text.size()) {
    // Eight ASCII bytes at a time: most texts are nothing else.
    uint64_t word;
    while (at + sizeof(word) <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof(word));
      if ((word & 0x8080808080808080ULL) != 0) break;
      at += sizeof(word);
    }
    if (at == text.size()) break;
    const size_t length = sequence_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

char32_t next_code_point(std::string_view text, size_t& at) noexcept {
  const auto take = [&] { return static_cast<unsigned char>(text[at++]); };
  const unsigned char lead = take();
  if (lead < 0x80) return lead;
  const size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  static constexpr std::array<unsigned char, 4> kLeadMask = {0x7F, 0x1F, 0x0F, 0x07};
  char32_t point = lead & kLeadMask[more];
  for (size_t i = 0; i < more; ++i) point = (point << 6) | (take() & 0x3F);
  return point;
}

void append_utf8(char32_t point, std::string& out) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

Mark mark_of(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::ranges::count(before, '\n');
  const size_t line_start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  return Mark{static_cast<uint32_t>(lines + 1),
              static_cast<uint32_t>(before.size() - line_start + 1)};
}

}  // namespace flagmesh::flags
