// What a router says about itself over the carrier, so that "is the change everywhere?" has an
// answer. Advisory: whoever owns the carrier can forge it, and nothing is decided by it.
//
//   {"age_ms":412,"at_ms":1763737200000,"epoch":17,"host":"edge-3","lag_ms":2,"last_refusal":"",
//    "pid":4711,"refused":{"bad_signature":1},"router":"edge-3-4711"}
//
// epoch: what every worker enforces. lag_ms: from the epoch's record to that, by two clocks. age_ms:
// of the newest signature on the head.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "control/snapshot/carrier.h"
#include "control/snapshot/state_source.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"

namespace flagmesh::redis {

// "edge-3-4711": of this machine and process; letters, digits, '.', '-' and '_'.
std::string router_id();

// Says at once when an epoch is enforced, at most every kSpacingMs, and every kEveryMs otherwise.
// Owned by a CarrierStateSource, on its thread; everything that is given outlives it.
class RouterReporter {
 public:
  static constexpr uint64_t kEveryMs = 5'000;
  static constexpr uint64_t kSpacingMs = 50;

  RouterReporter(event::Loop& loop, snapshot::Carrier& carrier, std::string tenant,
                 const snapshot::SourceStatus& status);

  // An epoch was accepted: its record was made then. It counts when enforced() says so.
  void accepted(uint64_t epoch, uint64_t record_ms);
  void enforced(uint64_t epoch);
  // This router ends: it is not to be waited for. As StateSource::leave; nothing is said after it.
  void leave(std::move_only_function<void()> done);
  // The newest signature on the head.
  void fresh(int64_t newest_ms) { newest_ms_ = newest_ms; }

 private:
  void on_timer();
  void say();
  void left();
  std::string text() const;

  event::Loop& loop_;
  snapshot::Carrier& carrier_;
  const std::string tenant_;
  const std::string id_;
  const snapshot::SourceStatus& status_;
  uint64_t accepted_ = 0;
  uint64_t record_ms_ = 0;
  uint64_t epoch_ = 0;
  int64_t lag_ms_ = 0;
  int64_t newest_ms_ = 0;
  uint64_t said_ = 0;
  std::move_only_function<void()> on_left_;  // while leaving
  bool leaving_ = false;
  bool refused_ = false;  // a report was refused, and that is in the log
  event::Timer timer_;
};

}  // namespace flagmesh::redis
