// Which of several engines of one log is active. The others stand by: they follow the head and take
// over when the active one's signatures stay away for a lease.
//
//            another engine renews the head, or moves it
//   active ----------------------------------------------> standing by --+
//      ^                                                       |    ^    | it signs again
//      +------------------- the lease has ended ---------------+    +----+
//
// The lease is three heartbeats and a random part of half a one, so that of two that stand by one is
// first and the other one sees that. It is measured on the monotonic clock, from when a newer
// signature of the engine's key was seen; an old one that is shown again does not prolong it. It
// begins anew when the carrier was away or this process stood still: then nobody could be seen.
//
// That it stands by is a file in state_dir, so that a restart does not make it forget.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "control/snapshot/head_verifier.h"
#include "proxy/base/random.h"
#include "proxy/base/result.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"

namespace flagmesh::engine {

// Owned by the engine, on its loop's thread.
class Standby {
 public:
  // While it stands by.
  struct Calls {
    std::function<void()> look;  // four times a heartbeat: what the head in force is now
    std::function<void()> due;   // the lease has ended; again every heartbeat until end() or begin()
  };
  Standby(event::Loop& loop, MonoMs heartbeat, std::string file, Calls calls);

  // What a former run left behind. Codes of read_if_exists().
  Status restore();

  bool standing_by() const { return standing_by_; }
  // Another engine is active; the lease begins anew. Code "write_failed": it stands by, and a
  // restart will not know.
  Status begin();
  // This one is active now. Codes as begin().
  Status end();

  // A verified head.
  void seen(const snapshot::VerifiedHead& head);
  // While it cannot be reached, nobody is seen.
  void set_connected(bool connected);

  // "it takes over 3 s after the other one's last signature".
  std::string text() const;

 private:
  void on_timer();
  void start_lease();

  event::Loop& loop_;
  const MonoMs heartbeat_;
  const std::string file_;
  const Calls calls_;
  Rng rng_;
  bool standing_by_ = false;
  bool connected_ = false;
  int64_t newest_ms_ = 0;  // of the signatures seen
  uint64_t size_ = 0;      // of the heads seen
  MonoMs ends_ = 0;        // of the lease
  MonoMs ticked_ = 0;
  event::Timer timer_;
};

}  // namespace flagmesh::engine
