// Where a router gets proven flag state from: Redis, files with a lock, or an engine in the same
// process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "control/snapshot/flag_table.h"
#include "control/snapshot/snapshot.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// A state that passed every check of DESIGN.md, "A router accepts a head only if".
struct AcceptedState {
  FlagTable flags;
  TrustStatus trust;
};

// What a source has seen, for /metrics and /readyz. Written on the source's thread, read on any: a
// mutex is fine, it is not the request path.
class SourceStatus {
 public:
  struct View {
    bool connected = false;
    uint64_t epoch = 0;
    uint64_t accepted = 0;
    std::map<std::string, uint64_t> refused;  // by Error::code
    std::string
        last_refusal;  // Error::text() of the last one; empty when none or when accepted since
    std::string last_refusal_reason;  // its code
    std::string not_ready;  // why this router should not get traffic although it goes on; a code
    std::string note;  // what an operator should know: "redis_commands are unsigned", ...
  };
  View view() const {
    const std::lock_guard lock(mutex_);
    return view_;
  }
  void update(const std::function<void(View&)>& change) {
    const std::lock_guard lock(mutex_);
    change(view_);
  }

 private:
  mutable std::mutex mutex_;
  View view_;
};

// Lives on the builder thread's loop. Implementations: control/redis (RedisStateSource),
// control/engine (in-process), files.
class StateSource {
 public:
  // Called on the source's loop for every accepted state, the whole new table each time
  // (persistent: sharing is cheap).
  using OnState = std::function<void(AcceptedState)>;

  virtual ~StateSource() = default;
  // Begins to look. An error is one that no waiting mends (a bad key, an unreadable folder); an
  // unreachable Redis is not an error.
  virtual Status start(OnState on_state) = 0;
  virtual const SourceStatus& status() const = 0;
  // A successor takes over: what only one process may have is given up, and no new state comes any
  // more. The state in force is still renewed. On the source's loop.
  virtual void release() {}
  // The process ends: whoever asks for its routers is not to wait for this one. `done` is called
  // once, soon, and also when nobody could be told. On the source's loop, as the last call.
  virtual void leave(std::move_only_function<void()> done) { done(); }
  // Every worker enforces that epoch now. On the source's thread.
  virtual void enforced(uint64_t /*epoch*/) {}
};

}  // namespace flagmesh::snapshot
