// Query parameters, as forms write them: name=value pairs joined by '&', '+' for a space, percent
// escapes.
#pragma once

#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/lookup.h"

namespace flagmesh::http {

// The parameter `name` in `query` (without its '?'), decoded: a view into `query` where there was
// nothing to decode, else into `arena`. Names are compared decoded. A parameter without '=' has an
// empty value; an escape that is malformed stands for itself. The value can hold any byte, NUL too.
Lookup find_query_parameter(std::string_view query, std::string_view name, Arena& arena);

}  // namespace flagmesh::http
