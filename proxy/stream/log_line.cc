#include "proxy/stream/log_line.h"

#include "proxy/base/time.h"

namespace flagmesh::stream {
namespace {

constexpr uint64_t kEach = 0x0101010101010101;
constexpr uint64_t kHigh = 0x8080808080808080;

// Whether one of eight bytes needs an escape: below 0x20, above 0x7e, a quote or a backslash. A borrow may report a byte too many,
// never one too few: who asks looks again byte by byte.
bool has_special(uint64_t eight) {
  const uint64_t below = (eight - kEach * 0x20) & ~eight;
  const uint64_t above = eight + kEach;  // 0x7f reaches the top bit
  const uint64_t quote = eight ^ (kEach * '"');
  const uint64_t backslash = eight ^ (kEach * '\\');
  return ((below | above | eight | (quote - kEach) | (backslash - kEach)) & kHigh) != 0;
}

char* write_byte(char* into, char c) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    *into++ = '\\';
  } else if (byte < 0x20 || byte >= 0x7f) {
    memcpy(into, "\\u00", 4);
    into[4] = kDigits[byte >> 4];
    into[5] = kDigits[byte & 15];
    return into + kEscapedBytes;
  }
  *into++ = c;
  return into;
}

}  // namespace

void LogClock::write(int64_t unix_ms, char* into) {
  const int64_t second = unix_ms / 1000;
  if (second != second_) {
    second_ = second;
    rfc3339_millis(second * 1000).copy(text_.data(), kSecondBytes);
  }
  memcpy(into, text_.data(), kSecondBytes);
  const auto millis = static_cast<unsigned>(unix_ms % 1000);
  into[kSecondBytes] = static_cast<char>('0' + millis / 100);
  into[kSecondBytes + 1] = static_cast<char>('0' + millis / 10 % 10);
  into[kSecondBytes + 2] = static_cast<char>('0' + millis % 10);
  into[kSecondBytes + 3] = 'Z';
}

char* write_escaped(char* into, std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (end - at >= 8) {
    uint64_t eight;
    memcpy(&eight, at, 8);
    if (has_special(eight)) {
      for (int i = 0; i < 8; ++i) into = write_byte(into, at[i]);
    } else {
      memcpy(into, &eight, 8);
      into += 8;
    }
    at += 8;
  }
  const auto rest = static_cast<size_t>(end - at);
  if (rest == 0) return into;
  // The rest in one step of eight or two of four, which overlap what is there already, or each other: where nothing is escaped
  // a byte stands as far from the end here as there.
  if (text.size() >= 8) {
    uint64_t eight;
    memcpy(&eight, end - 8, 8);
    if (!has_special(eight)) {
      memcpy(into + rest - 8, &eight, 8);
      return into + rest;
    }
  } else if (rest >= 4) {
    uint32_t first;
    uint32_t last;
    memcpy(&first, at, 4);
    memcpy(&last, end - 4, 4);
    if (!has_special(uint64_t{first} << 32 | last)) {
      memcpy(into, &first, 4);
      memcpy(into + rest - 4, &last, 4);
      return into + rest;
    }
  }
  while (at != end) into = write_byte(into, *at++);
  return into;
}

}  // namespace flagmesh::stream
