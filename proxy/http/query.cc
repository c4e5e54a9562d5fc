#include "proxy/http/query.h"

#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

// Takes one decoded byte off the front of `text`, which is not empty.
char take_byte(std::string_view& text) {
  const char c = text.front();
  if (c == '%' && text.size() >= 3) {
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    if (high >= 0 && low >= 0) {
      text.remove_prefix(3);
      return static_cast<char>(high * 16 + low);
    }
  }
  text.remove_prefix(1);
  return c == '+' ? ' ' : c;
}

bool decodes_to(std::string_view text, std::string_view plain) {
  for (const char c : plain) {
    if (text.empty() || take_byte(text) != c) return false;
  }
  return text.empty();
}

std::string_view decode(std::string_view text, Arena& arena) {
  if (text.find_first_of("%+") == std::string_view::npos) return text;
  char* to = static_cast<char*>(arena.allocate(text.size(), 1));
  size_t size = 0;
  while (!text.empty()) to[size++] = take_byte(text);
  return {to, size};
}

}  // namespace

Lookup find_query_parameter(std::string_view query, std::string_view name, Arena& arena) {
  Lookup lookup;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    const size_t equals = pair.find('=');
    if (pair.empty() || !decodes_to(pair.substr(0, equals), name)) continue;
    const bool first = lookup.found == Found::kAbsent;
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    lookup.add(first ? decode(value, arena) : std::string_view());
  }
  return lookup;
}

}  // namespace flagmesh::http
