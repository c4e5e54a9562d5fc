// The time that a router believes: the machine's date, but never below what signatures prove.
//
// A pinned key that states a time proves that it was at least that late, as far as the date here
// agreed when the signature came; from there the monotonic clock goes on. So a date that is set
// back makes no old head young again and no new one "from the future", and a key that states times
// ahead of ours moves nothing by more than kFutureMs.
//
// A plain value; one thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proxy/base/time.h"

namespace flagmesh::snapshot {

// How far ahead of trusted time a verified timestamp may be.
inline constexpr int64_t kFutureMs = 60'000;

class TrustedTime {
 public:
  // Milliseconds since 1970. `date_ms` is the machine's date, `mono_ms` its monotonic clock.
  int64_t now(int64_t date_ms, MonoMs mono_ms) const {
    return std::max(newest_ms_, plausible(date_ms, mono_ms));
  }
  // The latest that a timestamp may be.
  int64_t limit(int64_t date_ms, MonoMs mono_ms) const {
    return plausible(date_ms, mono_ms) + kFutureMs;
  }
  // The newest timestamp that verified, over any head; 0: none yet.
  int64_t newest() const { return newest_ms_; }

  // A timestamp that verified. REQUIRES: at most limit().
  void verified(int64_t newest_ms, int64_t date_ms, MonoMs mono_ms) {
    const int64_t proven = std::min(newest_ms, plausible(date_ms, mono_ms));
    if (proven > from_proven(mono_ms)) {
      proven_ms_ = proven;
      proven_at_ = mono_ms;
    }
    newest_ms_ = std::max(newest_ms_, newest_ms);
  }
  // One that verified in a former run, from the disk.
  void restore(int64_t newest_ms, MonoMs mono_ms) {
    newest_ms_ = std::max(newest_ms_, newest_ms);
    proven_ms_ = newest_ms_;
    proven_at_ = mono_ms;
  }

 private:
  int64_t from_proven(MonoMs mono_ms) const {
    return proven_ms_ == 0 ? 0 : proven_ms_ + static_cast<int64_t>(mono_ms - proven_at_);
  }
  int64_t plausible(int64_t date_ms, MonoMs mono_ms) const {
    return std::max(date_ms, from_proven(mono_ms));
  }

  int64_t newest_ms_ = 0;
  int64_t proven_ms_ = 0;  // it was this late,
  MonoMs proven_at_ = 0;   // when the monotonic clock said that
};

}  // namespace flagmesh::snapshot
