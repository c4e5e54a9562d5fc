// What a peer may cost before it has to calm down.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proxy/base/time.h"

namespace flagmesh::http {

// A bucket that fills with time, and with what the peer does that is worth something.
class H2Credit {
 public:
  H2Credit(uint32_t most, uint32_t per_second, MonoMs now)
      : left_(most), most_(most), per_second_(per_second), refilled_ms_(now) {}

  void refill(MonoMs now) {
    if (left_ == most_) {
      refilled_ms_ = now;
      return;
    }
    const uint64_t more = (now - refilled_ms_) * per_second_ / 1000;
    if (more == 0) return;
    refilled_ms_ = now;
    earn(more);
  }
  void earn(uint64_t more) {
    left_ = static_cast<uint32_t>(std::min<uint64_t>(most_, left_ + more));
  }
  // False when nothing is left.
  bool spend() {
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  uint32_t left_;
  uint32_t most_;
  uint32_t per_second_;
  MonoMs refilled_ms_;
};

}  // namespace flagmesh::http
