#pragma once

#include <optional>

#include "control/snapshot/container_spec.h"
#include "proxy/base/result.h"
#include "proxy/net/address.h"

namespace flagmesh {

// The address of an endpoint that nobody has to be asked for: an IP literal or a Unix path.
// nullopt: it is a name (endpoint_resolver.h). Fails with code "bad_address".
Result<std::optional<net::Address>> literal_address(const snapshot::EndpointSpec& endpoint);

}  // namespace flagmesh
