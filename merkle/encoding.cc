#include "merkle/encoding.h"

#include <array>

namespace flagmesh::merkle {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The value of each letter, -1 for bytes that are none.
constexpr std::array<int8_t, 256> values_of(std::string_view letters) {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < letters.size(); i++) {
    values[static_cast<uint8_t>(letters[i])] = static_cast<int8_t>(i);
  }
  return values;
}

constexpr std::array<int8_t, 256> kHexValues = values_of(kHexDigits);
constexpr std::array<int8_t, 256> kBase64Values = values_of(kBase64Letters);

uint8_t byte_at(std::string_view text, size_t i) {
  return static_cast<uint8_t>(text[i]);
}

// Bytes of the UTF-8 sequence that starts at text[i], or 0 when there is no well-formed one (the
// table of RFC 3629 section 4: only the second byte's range depends on the first).
size_t utf8_sequence(std::string_view text, size_t i) {
  uint8_t first = byte_at(text, i);
  if (first < 0x80) return 1;
  uint8_t low = 0x80, high = 0xBF;
  size_t length = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() - i < length) return 0;
  if (byte_at(text, i + 1) < low || byte_at(text, i + 1) > high) return 0;
  for (size_t k = 2; k < length; k++) {
    if ((byte_at(text, i + k) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

std::string hex_encode(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (char c : bytes) {
    uint8_t byte = static_cast<uint8_t>(c);
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

Result<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return fail("bad_hex", "an odd number of hexadecimal digits");
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    int high = kHexValues[byte_at(text, i)];
    int low = kHexValues[byte_at(text, i + 1)];
    if (high < 0 || low < 0) return fail("bad_hex", "not a lower-case hexadecimal digit");
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    uint32_t group = uint32_t{byte_at(bytes, i)} << 16;
    if (count > 1) group |= uint32_t{byte_at(bytes, i + 1)} << 8;
    if (count > 2) group |= byte_at(bytes, i + 2);
    text += kBase64Letters[group >> 18];
    text += kBase64Letters[group >> 12 & 63];
    text += count > 1 ? kBase64Letters[group >> 6 & 63] : '=';
    text += count > 2 ? kBase64Letters[group & 63] : '=';
  }
  return text;
}

Result<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return fail("bad_base64", "base64 without its padding");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    bool last = i + 4 == text.size();
    size_t letters = !last || text[i + 3] != '=' ? 4 : text[i + 2] != '=' ? 3 : 2;
    uint32_t group = 0;
    for (size_t k = 0; k < 4; k++) {
      int value = k < letters ? kBase64Values[byte_at(text, i + k)] : 0;
      if (value < 0) return fail("bad_base64", "not a base64 letter");
      group = group << 6 | static_cast<uint32_t>(value);
    }
    bytes += static_cast<char>(group >> 16);
    if (letters > 2) bytes += static_cast<char>(group >> 8);
    if (letters > 3) bytes += static_cast<char>(group);
    uint32_t unused = letters == 4 ? 0 : letters == 3 ? group & 0xFF : group & 0xFFFF;
    if (unused != 0) return fail("bad_base64", "base64 with bits behind its end");
  }
  return bytes;
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    size_t length = utf8_sequence(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

Result<uint64_t> parse_decimal(std::string_view text) {
  if (text.empty() || text.size() > 20) return fail("bad_number", "not a decimal number");
  if (text.size() > 1 && text[0] == '0') return fail("bad_number", "a number with leading zeros");
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return fail("bad_number", "not a decimal number");
    uint64_t digit = static_cast<uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return fail("bad_number", "a number above 2^64-1");
    value = value * 10 + digit;
  }
  return value;
}

void append_u64(std::string& out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

void append_u32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

uint64_t read_u64(std::string_view bytes) {
  return uint64_t{read_u32(bytes)} << 32 | read_u32(bytes.substr(4));
}

uint32_t read_u32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; i++) value = value << 8 | byte_at(bytes, i);
  return value;
}

}  // namespace flagmesh::merkle
