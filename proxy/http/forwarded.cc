#include "proxy/http/forwarded.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "proxy/http/path.h"
#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

enum Parameter : unsigned { kFor = 1, kHost = 2, kProto = 4, kBy = 8 };

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}

bool is_ipv4(std::string_view text) {
  std::array<char, INET_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.contains('\0')) return false;
  std::ranges::copy(text, terminated.begin());
  in_addr address;
  return inet_pton(AF_INET, terminated.data(), &address) == 1;
}

// "_" 1*( ALPHA / DIGIT / "." / "_" / "-" )
bool is_obfuscated(std::string_view text) {
  return text.size() > 1 && text[0] == '_' && std::ranges::all_of(text, [](char c) {
           return is_alpha(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
         });
}

// Where the name at the front of a node ends; 0 when there is none.
size_t node_name_end(std::string_view node) {
  if (!node.starts_with('[')) return std::min(node.find(':'), node.size());
  const size_t close = node.find(']');
  return close == std::string_view::npos ? 0 : close + 1;
}

bool is_node(std::string_view node) {
  const size_t end = node_name_end(node);
  const std::string_view name = node.substr(0, end);
  const bool named = name.starts_with('[') ? is_valid_authority(name)
                                           : is_ipv4(name) || is_obfuscated(name) ||
                                                 equals_ignore_case(name, "unknown");
  if (!named) return false;
  if (end == node.size()) return true;
  if (node[end] != ':') return false;
  const std::string_view port = node.substr(end + 1);
  const bool number = !port.empty() && port.size() <= 5 && std::ranges::all_of(port, is_digit);
  return number || is_obfuscated(port);
}

bool is_scheme(std::string_view text) {
  return !text.empty() && is_alpha(text[0]) && std::ranges::all_of(text, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

}  // namespace

void ForwardedReader::skip_blanks() {
  while (rest_.starts_with(' ') || rest_.starts_with('\t')) rest_.remove_prefix(1);
}

bool ForwardedReader::take_quoted(std::string_view& value) {
  rest_.remove_prefix(1);
  size_t end = rest_.find_first_of("\"\\");
  if (end == std::string_view::npos) return false;
  value = rest_.substr(0, end);
  if (rest_[end] == '\\') {
    char* const text = arena_.allocate_array<char>(rest_.size());
    char* to = std::ranges::copy(value, text).out;
    for (; end < rest_.size() && rest_[end] != '"'; ++end) {
      if (rest_[end] == '\\' && ++end == rest_.size()) return false;
      *to++ = rest_[end];
    }
    if (end == rest_.size()) return false;
    value = {text, static_cast<size_t>(to - text)};
  }
  rest_.remove_prefix(end + 1);
  return true;
}

bool ForwardedReader::take_value(std::string_view& value) {
  if (rest_.starts_with('"')) return take_quoted(value);
  const auto end = std::ranges::find_if_not(rest_, is_token_char);
  value = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
  rest_.remove_prefix(value.size());
  return !value.empty();
}

bool ForwardedReader::take_pair(ForwardedElement& element, unsigned& seen) {
  const size_t equals = rest_.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = rest_.substr(0, equals);
  if (!is_token(name)) return false;
  rest_.remove_prefix(equals + 1);
  std::string_view value;
  if (!take_value(value)) return false;
  unsigned parameter = 0;
  bool sound = true;
  if (equals_ignore_case(name, "for")) {
    parameter = kFor;
    element.node = value;
    sound = is_node(value);
  } else if (equals_ignore_case(name, "host")) {
    parameter = kHost;
    element.host = value;
    sound = is_valid_authority(value);
  } else if (equals_ignore_case(name, "proto")) {
    parameter = kProto;
    element.proto = value;
    sound = is_scheme(value);
  } else if (equals_ignore_case(name, "by")) {
    parameter = kBy;
    sound = is_node(value);
  }
  sound = sound && (seen & parameter) == 0;
  seen |= parameter;
  return sound;
}

std::optional<ForwardedElement> ForwardedReader::next() {
  if (!more_) return std::nullopt;
  ForwardedElement element;
  unsigned seen = 0;
  skip_blanks();
  while (!rest_.empty() && rest_[0] != ',') {
    if (rest_[0] != ';' && !take_pair(element, seen)) {
      more_ = false;
      bad_ = true;
      return std::nullopt;
    }
    if (!rest_.starts_with(';')) break;
    rest_.remove_prefix(1);
  }
  skip_blanks();
  more_ = rest_.starts_with(',');
  if (more_) {
    rest_.remove_prefix(1);
    return element;
  }
  bad_ = !rest_.empty();
  return bad_ ? std::nullopt : std::optional(element);
}

std::string_view node_address(std::string_view node) {
  if (!is_node(node)) return {};
  const std::string_view name = node.substr(0, node_name_end(node));
  if (name.starts_with('[')) return name.substr(1, name.size() - 2);
  return is_ipv4(name) ? name : std::string_view();
}

std::string_view forwarded_value(std::string_view value, Arena& arena) {
  return is_token(value) ? value : arena.join("\"", value, "\"");
}

}  // namespace flagmesh::http
