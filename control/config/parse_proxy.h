// The section `proxy`.
#pragma once

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/config/object_reader.h"

namespace flagmesh::config {

// `tenant` is whose flags the routes name.
ProxyConfig parse_proxy(Report& report, const flags::JsonValue& value, const std::string& tenant,
                        std::vector<RouteMarks>& route_marks);

}  // namespace flagmesh::config
