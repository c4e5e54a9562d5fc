// The small grammar that HTTP fields share: tokens, comma lists, white space, letters without case
// (RFC 9110 §5.6).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace flagmesh::http {

// tchar: letters, digits and !#$%&'*+-.^_`|~
inline constexpr std::array<bool, 256> kTokenChars = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<size_t>(c)] = true;
  return table;
}();

constexpr bool is_token_char(char c) {
  return kTokenChars[static_cast<uint8_t>(c)];
}

// One or more tchar.
bool is_token(std::string_view text);

// ASCII only, as HTTP means it.
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
bool equals_ignore_case(std::string_view a, std::string_view b);

// The value of a hexadecimal digit in either case, or -1.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Without the spaces and tabs (OWS) around it.
constexpr std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Goes through a comma-separated list: takes the next item, trimmed, off the front of `list`. False
// at the end. Empty items are given too ("a,,b" has three; "" has none): a caller that RFC 9110
// §5.6.1.2 tells to ignore them does so. Knows nothing of quoted strings: for Connection,
// Transfer-Encoding, Upgrade, TE, Content-Length and their like.
class CommaList {
 public:
  explicit CommaList(std::string_view list) : rest_(list), more_(!list.empty()) {}
  bool next(std::string_view& item);

 private:
  std::string_view rest_;
  bool more_;
};

// The comma list `value` has the item `token`, compared without case.
bool has_token(std::string_view value, std::string_view token);

}  // namespace flagmesh::http
