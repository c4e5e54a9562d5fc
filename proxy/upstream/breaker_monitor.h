// The main thread's part of circuit breaking and outlier detection: it alone opens, half-opens, closes and ejects.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "proxy/event/timer.h"
#include "proxy/upstream/shared_container.h"

namespace flagmesh::upstream {

// One container's error rate over its window, and the state that follows.
//
//   closed --(error rate in the window)--> open --(open_for)--> half open --(kTrialsToClose successes)--> closed
//                                           ^                       |
//                                           +-----(any failure)-----+
class BreakerWindow {
 public:
  static constexpr MonoMs kTickMs = 100;
  static constexpr uint64_t kTrialsToClose = 3;

  explicit BreakerWindow(std::shared_ptr<SharedContainer> container);
  // Every kTickMs. Sums the workers' shards and moves the state.
  void tick(MonoMs now);
  SharedContainer& container() { return *container_; }

 private:
  struct Sample {
    uint64_t requests = 0;
    uint64_t failures = 0;
  };
  Sample sum() const;
  void move_to(BreakerState state, MonoMs now, Sample now_sum);

  std::shared_ptr<SharedContainer> container_;
  std::deque<Sample> window_;  // cumulative, one per tick, oldest first
  Sample trial_start_;
  MonoMs opened_at_ = 0;
};

// Endpoints with too many consecutive errors are taken out for a while: longer each time (until one was back in for kForgetAfter times the
// base), never more than the configured share.
class OutlierEjector {
 public:
  // A worker reported it (on the main thread by now).
  void report(SharedContainer& container, EndpointState& endpoint, MonoMs now);
  // Brings back whose time is over.
  void tick(MonoMs now);

 private:
  static constexpr uint32_t kForgetAfter = 10;
  struct Ejection {
    std::weak_ptr<EndpointState> endpoint;
    std::weak_ptr<SharedContainer> container;
    uint32_t times = 0;
    MonoMs until = 0;  // 0: back in
    MonoMs forget_at = 0;
  };
  friend class ContainerMonitor;
  std::map<EndpointState*, Ejection> ejections_;
};

// All containers of the process, on the main thread's loop.
class ContainerMonitor {
 public:
  void set_containers(const std::vector<std::shared_ptr<SharedContainer>>& containers);
  void report_outlier(const std::shared_ptr<SharedContainer>& container, EndpointState* endpoint, MonoMs now);
  void tick(MonoMs now);

 private:
  std::vector<std::unique_ptr<BreakerWindow>> windows_;
  OutlierEjector ejector_;
};

}  // namespace flagmesh::upstream
