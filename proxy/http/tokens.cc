#include "proxy/http/tokens.h"

#include <algorithm>

namespace flagmesh::http {

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

bool equals_ignore_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

bool CommaList::next(std::string_view& item) {
  if (!more_) return false;
  const size_t comma = rest_.find(',');
  item = trim(rest_.substr(0, comma));
  more_ = comma != std::string_view::npos;
  if (more_) rest_.remove_prefix(comma + 1);
  return true;
}

bool has_token(std::string_view value, std::string_view token) {
  CommaList list(value);
  std::string_view item;
  while (list.next(item)) {
    if (equals_ignore_case(item, token)) return true;
  }
  return false;
}

}  // namespace flagmesh::http
