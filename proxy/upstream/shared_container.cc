#include "proxy/upstream/shared_container.h"

#include <algorithm>

namespace flagmesh::upstream {

std::string_view breaker_state_name(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed: return "closed";
    case BreakerState::kOpen: return "open";
    case BreakerState::kHalfOpen: return "half_open";
  }
  return "";
}

SharedContainer::SharedContainer(snapshot::ContainerSpec spec, uint32_t workers)
    : connections(spec.circuit_breaker.max_connections, workers),
      pending(spec.circuit_breaker.max_pending, workers),
      requests(spec.circuit_breaker.max_requests, workers),
      retries(spec.circuit_breaker.max_retries, workers),
      spec_(std::move(spec)),
      endpoints_(std::make_shared<EndpointList>()),
      shards_(workers) {}

std::shared_ptr<const EndpointList> SharedContainer::endpoints() const {
  const std::lock_guard lock(mutex_);
  return endpoints_;
}

void SharedContainer::set_endpoints(std::shared_ptr<const EndpointList> endpoints) {
  {
    const std::lock_guard lock(mutex_);
    endpoints_ = std::move(endpoints);
  }
  recount_healthy();
}

std::shared_ptr<const net::TlsClient> SharedContainer::tls() const {
  const std::lock_guard lock(mutex_);
  return tls_;
}

void SharedContainer::set_tls(std::shared_ptr<const net::TlsClient> tls) {
  const std::lock_guard lock(mutex_);
  tls_ = std::move(tls);
}

void SharedContainer::recount_healthy() {
  const std::shared_ptr<const EndpointList> list = endpoints();
  const auto count = std::ranges::count_if(*list, [](const auto& endpoint) { return endpoint->healthy(); });
  healthy_.store(static_cast<uint32_t>(count), std::memory_order_relaxed);
}

}  // namespace flagmesh::upstream
