#pragma once

#include "control/snapshot/container_spec.h"
#include "proxy/base/result.h"
#include "proxy/upstream/shared_container.h"

namespace flagmesh {

// The addresses of a container's endpoints: literals as they are, names by the system's resolver (blocking; every address of a name is an
// endpoint of its own). Fails with code "resolve" naming the endpoint when one has no address.
Result<upstream::EndpointList> resolve_endpoints(const snapshot::ContainerSpec& spec);

}  // namespace flagmesh
