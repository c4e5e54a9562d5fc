// What proxy.limits comes to in numbers on this machine.
#pragma once

#include <cstdint>

#include "control/config/config.h"

namespace flagmesh {

struct OverloadLimits {
  uint32_t max_connections = 0;  // of clients, for the process
  uint64_t buffered_bytes = 0;   // for one worker
  uint64_t descriptors = 0;      // that the process may have
  uint64_t connections_fit = 0;  // as descriptors allow: a quarter of them is for containers

  bool operator==(const OverloadLimits&) const = default;
};

// `descriptors` and `memory` as the system has them.
OverloadLimits overload_limits(const config::ProxyConfig& proxy, uint32_t workers,
                               uint64_t descriptors, uint64_t memory);

// Raises RLIMIT_NOFILE to what the system allows; returns it.
uint64_t raise_descriptor_limit();

}  // namespace flagmesh
