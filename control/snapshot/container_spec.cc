#include "control/snapshot/container_spec.h"

namespace flagmesh::snapshot {

std::string EndpointSpec::text() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const bool ipv6 = host.contains(':');
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace flagmesh::snapshot
