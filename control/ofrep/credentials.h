// The token of a request.
#pragma once

#include <string_view>

#include "proxy/http/headers.h"

namespace flagmesh::ofrep {

// Of `Authorization: Bearer TOKEN` (RFC 6750), else of `X-API-Key: TOKEN`; empty when there is
// none, or a field is there twice.
std::string_view token_of(const http::HeaderList& headers);

}  // namespace flagmesh::ofrep
