// The immutable configuration that a request is served under: routes, containers, flags, what is
// known about their proof, and for each route everything that a request would otherwise have to
// look up by name.
//
// Made by the builder thread, posted to each worker, destroyed on the builder thread (DESIGN.md,
// "The way of a configuration change"). Everything in it is const; only Freshness moves.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/snapshot/container_spec.h"
#include "control/snapshot/flag_table.h"
#include "control/snapshot/route_table.h"
#include "merkle/hash.h"
#include "proxy/base/diagnostic.h"
#include "proxy/base/result.h"
#include "proxy/base/time.h"

namespace flagmesh::snapshot {

// When the newest verified signature over the head was made. One cell is shared by all snapshots of
// a process: a heartbeat renews it without a new snapshot. The builder thread stores, workers load,
// both relaxed: a worker that reads a value one event late only sees state a moment older than it
// is.
class Freshness {
 public:
  // Milliseconds since 1970 UTC; 0: nothing verified yet.
  int64_t newest_ms() const { return newest_ms_.load(std::memory_order_relaxed); }
  // Until when on the monotonic clock that signature is young enough, whatever happens to the
  // machine's date meanwhile.
  MonoMs fresh_until() const { return fresh_until_.load(std::memory_order_relaxed); }
  // Never goes back. REQUIRES: only one thread calls this.
  void renew(int64_t unix_ms, MonoMs fresh_until = UINT64_MAX) {
    if (unix_ms <= newest_ms()) return;
    newest_ms_.store(unix_ms, std::memory_order_relaxed);
    fresh_until_.store(fresh_until, std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> newest_ms_{0};
  std::atomic<MonoMs> fresh_until_{0};
};

enum class TrustPolicy : uint8_t {
  kSigned,    // state counts only under a verified checkpoint
  kUnsigned,  // local play: every state counts; the log and /readyz say so
};

// Whether the flag state of a snapshot may be used.
struct TrustStatus {
  TrustPolicy policy = TrustPolicy::kSigned;
  uint64_t epoch = 0;  // 0: no state yet
  merkle::Hash state_root;
  merkle::Hash tenant_root;  // of the router's tenant: another one whenever its flags are
  std::shared_ptr<const flags::JsonValue> metadata;  // of its flag set; null: none
  bool proven = false;           // verified under `policy`; age is judged apart, by fresh_at()
  std::string unproven_reason;   // stable token when not proven: "no_state", "bad_signature",
                                 // "rollback", ...
  int64_t max_age_ms = 600'000;  // trust.max_age
  std::shared_ptr<const Freshness> freshness;  // may be null only with kUnsigned or when not proven

  // True when the state is not older than max_age by the date and by the monotonic clock: a date
  // that is set back keeps nothing young. With kUnsigned always.
  bool fresh_at(int64_t now_unix_ms, MonoMs now_mono_ms) const {
    if (policy == TrustPolicy::kUnsigned) return true;
    return freshness != nullptr && now_unix_ms - freshness->newest_ms() <= max_age_ms &&
           now_mono_ms <= freshness->fresh_until();
  }
};

// What a route's names mean in this snapshot.
struct RouteBinding {
  // The compiled flag; null when the route has none, or names one that does not exist (then the
  // fallback is served, with reason "flag_missing"). Lives as long as the snapshot.
  const flags::CompiledFlag* flag = nullptr;
  // The container of each variant of `flag`, by the variant's index there; kNoContainer: `serve`
  // does not name it. Shared by snapshots in which neither route nor flag changed.
  std::shared_ptr<const ContainerIndex[]> by_variant;
  uint32_t variants = 0;

  // kNoContainer for a variant that the flag does not have.
  ContainerIndex container_of(uint32_t variant) const {
    return variant < variants ? by_variant[variant] : kNoContainer;
  }
};

struct Snapshot {
  uint64_t generation = 0;  // of this process: one more for each snapshot that is posted
  std::shared_ptr<const RouteTable> routes;
  std::shared_ptr<const std::vector<ContainerSpec>> containers;
  FlagTable flags;
  TrustStatus trust;
  std::vector<RouteBinding> bindings;  // by Route::index; as long as routes->routes()

  const RouteBinding& binding(const Route& route) const { return bindings[route.index]; }
  const ContainerSpec& container(ContainerIndex index) const {
    return (*containers)[static_cast<size_t>(index)];
  }
};

// The configuration file's part of a snapshot (made by control/config). Indices in routes point
// into containers.
struct Routing {
  std::shared_ptr<const RouteTable> routes;
  std::shared_ptr<const std::vector<ContainerSpec>> containers;
};

struct BuiltSnapshot {
  std::shared_ptr<const Snapshot> snapshot;
  Diagnostics warnings;  // no file or line: routes whose flag is missing, variants in `serve` that
                         // the flag does not have
};

// Pure. Fails with code "bad_routing" when a route points outside the containers or a flag route
// has no fallback; what only weakens a route is a warning.
Result<BuiltSnapshot> build_snapshot(uint64_t generation, const Routing& routing, FlagTable flags,
                                     TrustStatus trust);

// The same routing under other flags and trust: rebinds only the routes whose flags changed. Cheap
// enough for every epoch (one changed flag among 100,000 and 5,000 routes: well below a
// millisecond). Warnings are about the rebound routes alone.
BuiltSnapshot derive_snapshot(uint64_t generation, const Snapshot& previous, FlagTable flags,
                              TrustStatus trust);

}  // namespace flagmesh::snapshot
