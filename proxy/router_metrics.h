#pragma once

#include <cstdint>
#include <string>

#include "proxy/upstream/shared_container.h"

namespace flagmesh {

class Server;

// The router's /metrics page; docs/operations.md lists the names. On the main thread.
std::string router_metrics(const Server& server);

// One container's numbers, summed over all workers.
struct ContainerTotals {
  uint64_t requests = 0;
  uint64_t failures = 0;
  uint64_t connect_failures = 0;
  uint64_t retries = 0;
  uint64_t overflows = 0;
  uint64_t active_connections = 0;
  uint64_t active_requests = 0;
};
ContainerTotals sum_shards(const upstream::SharedContainer& container);

}  // namespace flagmesh
