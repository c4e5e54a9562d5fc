// One line of JSON, written with plain stores into memory that is large enough: the access log is on the way of every request.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace flagmesh::stream {

// "2026-11-20T21:45:00.123Z" as base/time.h has it; the second's text is kept for the lines that follow. One per worker.
class LogClock {
 public:
  static constexpr size_t kBytes = 24;
  // Writes kBytes bytes.
  void write(int64_t unix_ms, char* into);

 private:
  static constexpr size_t kSecondBytes = 20;  // with the dot
  int64_t second_ = INT64_MIN;
  std::array<char, kSecondBytes> text_{};
};

// Appends JSON text (RFC 8259 §7) of `text` and returns its end: at most kEscapedBytes for each byte. Bytes above 0x7e, which may
// not be UTF-8, become \u00xx like control characters.
inline constexpr size_t kEscapedBytes = 6;
char* write_escaped(char* into, std::string_view text);

// A field is given with all that stands before its value: `,"name":"`. Whoever writes sees to the room.
class LogLine {
 public:
  explicit LogLine(char* into) : at_(into) {}

  template <size_t N>
  void text(const char (&before)[N], std::string_view value) {
    if (value.empty()) return;
    put(before);
    at_ = write_escaped(at_, value);
    *at_++ = '"';
  }
  // For text of this program's own, which needs no escapes.
  template <size_t N>
  void plain(const char (&before)[N], std::string_view value) {
    if (value.empty()) return;
    put(before);
    memcpy(at_, value.data(), value.size());
    at_ += value.size();
    *at_++ = '"';
  }
  template <size_t N>
  void number(const char (&before)[N], uint64_t value) {
    put(before);
    if (value < 10) {
      *at_++ = static_cast<char>('0' + value);
    } else {
      at_ = std::to_chars(at_, at_ + kDigits, value).ptr;
    }
  }
  template <size_t N>
  void time(const char (&before)[N], int64_t unix_ms, LogClock& clock) {
    put(before);
    clock.write(unix_ms, at_);
    at_ += LogClock::kBytes;
    *at_++ = '"';
  }
  char* end() {
    put("}\n");
    return at_;
  }

 private:
  static constexpr size_t kDigits = 20;

  template <size_t N>
  void put(const char (&constant)[N]) {
    memcpy(at_, constant, N - 1);
    at_ += N - 1;
  }

  char* at_;
};

}  // namespace flagmesh::stream
