// The section `proxy.routes`.
#pragma once

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/config/object_reader.h"
#include "control/config/parse_containers.h"
#include "control/snapshot/route.h"

namespace flagmesh::config {

// What routes that do not say inherit.
struct RouteDefaults {
  std::string tenant;
  Millis timeout = 0;
  uint64_t max_body = 0;
  bool decision_headers = true;
};

struct ParsedRoutes {
  std::vector<snapshot::Route> routes;  // in file order, index set
  std::vector<RouteMarks> marks;        // as routes
};

// A route with mistakes is in the list too: they are in the report.
ParsedRoutes parse_routes(Report& report, const flags::JsonValue& value, ContainerNames& containers,
                          const RouteDefaults& defaults);

}  // namespace flagmesh::config
