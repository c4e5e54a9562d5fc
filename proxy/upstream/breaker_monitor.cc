#include "proxy/upstream/breaker_monitor.h"

#include <algorithm>

namespace flagmesh::upstream {

// --- BreakerWindow -----------------------------------------------------------------------------------------------------

BreakerWindow::BreakerWindow(std::shared_ptr<SharedContainer> container) : container_(std::move(container)) {
  window_.push_back(sum());
}

BreakerWindow::Sample BreakerWindow::sum() const {
  Sample total;
  for (const ContainerShard& shard : container_->shards()) {
    total.requests += shard.requests.value();
    total.failures += shard.failures.value();
  }
  return total;
}

void BreakerWindow::move_to(BreakerState state, MonoMs now, Sample now_sum) {
  container_->set_breaker(state);
  opened_at_ = now;
  trial_start_ = now_sum;
  window_.assign(1, now_sum);
}

void BreakerWindow::tick(MonoMs now) {
  const snapshot::CircuitBreakerSpec& spec = container_->spec().circuit_breaker;
  const Sample total = sum();
  switch (container_->breaker()) {
    case BreakerState::kClosed: {
      window_.push_back(total);
      const size_t ticks = std::max<size_t>(1, spec.window / kTickMs);
      while (window_.size() > ticks + 1) window_.pop_front();
      const uint64_t requests = total.requests - window_.front().requests;
      const uint64_t failures = total.failures - window_.front().failures;
      if (spec.error_rate > 0 && requests >= spec.min_requests &&
          static_cast<double>(failures) >= spec.error_rate * static_cast<double>(requests)) {
        move_to(BreakerState::kOpen, now, total);
      }
      break;
    }
    case BreakerState::kOpen:
      if (now - opened_at_ >= spec.open_for) move_to(BreakerState::kHalfOpen, now, total);
      break;
    case BreakerState::kHalfOpen:
      if (total.failures > trial_start_.failures) {
        move_to(BreakerState::kOpen, now, total);
      } else if (total.requests - trial_start_.requests >= kTrialsToClose) {
        move_to(BreakerState::kClosed, now, total);
      }
      break;
  }
}

// --- OutlierEjector ----------------------------------------------------------------------------------------------------

void OutlierEjector::report(SharedContainer& container, EndpointState& endpoint, MonoMs now) {
  const snapshot::OutlierSpec& spec = container.spec().outlier_detection;
  const std::shared_ptr<const EndpointList> all = container.endpoints();
  const auto ejected = static_cast<size_t>(std::ranges::count_if(
      *all, [](const auto& e) { return e->ejected.load(std::memory_order_relaxed); }));
  const size_t allowed =
      all->size() > 1 ? std::max<size_t>(1, all->size() * spec.max_ejection_percent / 100) : 0;
  if (endpoint.ejected.load(std::memory_order_relaxed) || ejected >= allowed) return;
  const auto known = std::ranges::find_if(*all, [&](const auto& e) { return e.get() == &endpoint; });
  if (known == all->end()) return;
  Ejection& ejection = ejections_[&endpoint];
  ejection.endpoint = *known;
  ++ejection.times;
  ejection.until = now + MonoMs{spec.base_ejection} * ejection.times;
  ejection.forget_at = ejection.until + MonoMs{spec.base_ejection} * kForgetAfter;
  endpoint.ejected.store(true, std::memory_order_relaxed);
  container.recount_healthy();
}

void OutlierEjector::tick(MonoMs now) {
  for (auto at = ejections_.begin(); at != ejections_.end();) {
    const std::shared_ptr<EndpointState> endpoint = at->second.endpoint.lock();
    if (endpoint == nullptr) {
      at = ejections_.erase(at);
      continue;
    }
    if (at->second.until != 0 && now >= at->second.until) {
      at->second.until = 0;
      endpoint->ejected.store(false, std::memory_order_relaxed);
      if (const auto container = at->second.container.lock()) container->recount_healthy();
    }
    // A long time without trouble: what was before does not count any more.
    if (at->second.until == 0 && now >= at->second.forget_at) {
      at = ejections_.erase(at);
    } else {
      ++at;
    }
  }
}

// --- ContainerMonitor --------------------------------------------------------------------------------------------------

void ContainerMonitor::set_containers(const std::vector<std::shared_ptr<SharedContainer>>& containers) {
  std::vector<std::unique_ptr<BreakerWindow>> next;
  for (const auto& container : containers) {
    const auto known = std::ranges::find_if(windows_, [&](const auto& window) {
      return window != nullptr && &window->container() == container.get();
    });
    next.push_back(known != windows_.end() ? std::move(*known) : std::make_unique<BreakerWindow>(container));
  }
  windows_ = std::move(next);
}

void ContainerMonitor::report_outlier(const std::shared_ptr<SharedContainer>& container, EndpointState* endpoint,
                                      MonoMs now) {
  // The endpoint may be gone by now: look for it among those that there are.
  const std::shared_ptr<const EndpointList> all = container->endpoints();
  const auto known = std::ranges::find_if(*all, [&](const auto& e) { return e.get() == endpoint; });
  if (known == all->end()) return;
  ejector_.report(*container, **known, now);
  if (const auto at = ejector_.ejections_.find(endpoint); at != ejector_.ejections_.end()) {
    at->second.container = container;
  }
}

void ContainerMonitor::tick(MonoMs now) {
  for (const auto& window : windows_) window->tick(now);
  ejector_.tick(now);
}

}  // namespace flagmesh::upstream
