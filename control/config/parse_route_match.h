// What a route matches: `host`, `path`, `methods`, `headers`.
#pragma once

#include "control/config/object_reader.h"
#include "control/snapshot/route.h"

namespace flagmesh::config {

void parse_route_match(ObjectReader& reader, snapshot::Route& route);

// A header name as the proxy compares it, or nothing when it is none.
std::optional<std::string> header_name(std::string_view text);

}  // namespace flagmesh::config
