#include "proxy/overload_limits.h"

#include <sys/resource.h>

#include <algorithm>

namespace flagmesh {

namespace {

// Logs, state, Redis, DNS, admin clients, libraries; and of each worker its loop and its pipes.
constexpr uint64_t kReserve = 64;
constexpr uint64_t kReservePerWorker = 4;
constexpr uint64_t kMemoryShare = 4;
constexpr uint64_t kLeastBuffered = 1024 * 1024;
constexpr uint64_t kLeastConnections = 8;

}  // namespace

OverloadLimits overload_limits(const config::ProxyConfig& proxy, uint32_t workers,
                               uint64_t descriptors, uint64_t memory) {
  const uint64_t reserve = kReserve + workers * (kReservePerWorker + proxy.listeners.size());
  const uint64_t left = descriptors > reserve ? descriptors - reserve : 0;
  OverloadLimits limits{.descriptors = descriptors};
  limits.connections_fit = std::min<uint64_t>(std::max(kLeastConnections, left / 4 * 3), UINT32_MAX);
  limits.max_connections = proxy.limits.max_connections != 0
                               ? proxy.limits.max_connections
                               : static_cast<uint32_t>(limits.connections_fit);
  const uint64_t bytes =
      proxy.limits.buffered_bytes != 0 ? proxy.limits.buffered_bytes : memory / kMemoryShare;
  limits.buffered_bytes = std::max(kLeastBuffered, bytes) / workers;
  return limits;
}

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  }
  return limit.rlim_cur;
}

}  // namespace flagmesh
