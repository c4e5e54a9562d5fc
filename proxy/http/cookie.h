// Cookies of a request (RFC 6265 §5.4 as servers read it).
#pragma once

#include <string_view>

#include "proxy/http/headers.h"
#include "proxy/http/lookup.h"

namespace flagmesh::http {

// The cookie `name` (compared exactly) in all Cookie fields. The value is a view into its field,
// without white space around it; quotation marks belong to it. No allocation.
Lookup find_cookie(const HeaderList& headers, std::string_view name);

}  // namespace flagmesh::http
