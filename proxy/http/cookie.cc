#include "proxy/http/cookie.h"

#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

void find_in_field(std::string_view field, std::string_view name, Lookup& lookup) {
  while (!field.empty()) {
    const size_t end = field.find(';');
    const std::string_view pair = field.substr(0, end);
    field.remove_prefix(end == std::string_view::npos ? field.size() : end + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    if (trim(pair.substr(0, equals)) == name) lookup.add(trim(pair.substr(equals + 1)));
  }
}

}  // namespace

Lookup find_cookie(const HeaderList& headers, std::string_view name) {
  Lookup lookup;
  for (const Field* f = headers.find(HeaderId::kCookie); f != nullptr; f = headers.next(f)) {
    find_in_field(f->value, name, lookup);
  }
  return lookup;
}

}  // namespace flagmesh::http
