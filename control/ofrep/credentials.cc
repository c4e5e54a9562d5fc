#include "control/ofrep/credentials.h"

#include "proxy/http/tokens.h"

namespace flagmesh::ofrep {

std::string_view token_of(const http::HeaderList& headers) {
  using http::HeaderId;
  if (const http::Field* field = headers.find(HeaderId::kAuthorization)) {
    constexpr std::string_view kScheme = "bearer ";
    if (headers.next(field) != nullptr || field->value.size() < kScheme.size() ||
        !http::equals_ignore_case(field->value.substr(0, kScheme.size()), kScheme)) {
      return {};
    }
    return http::trim(field->value.substr(kScheme.size()));
  }
  const http::Field* field = headers.find(HeaderId::kXApiKey);
  if (field == nullptr || headers.next(field) != nullptr) return {};
  return field->value;
}

}  // namespace flagmesh::ofrep
