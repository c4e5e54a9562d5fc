// The builder thread: takes proven state from its source and routing from the main thread, makes snapshots, hands them to the workers, and
// destroys those that nobody uses any more.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "control/snapshot/snapshot.h"
#include "control/snapshot/state_source.h"
#include "proxy/event/loop.h"
#include "proxy/net/io_context.h"
#include "proxy/stream/served_snapshot.h"

namespace flagmesh {

// Counters of all flags that routes ever used in this process, so that a new snapshot goes on counting. Thread-safe.
class VariantRegistry {
 public:
  explicit VariantRegistry(uint32_t workers) : workers_(workers) {}
  std::shared_ptr<stream::VariantCounters> counters_for(const flags::CompiledFlag& flag);
  std::vector<std::shared_ptr<stream::VariantCounters>> all() const;

 private:
  const uint32_t workers_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<stream::VariantCounters>> counters_;  // guarded by mutex_
};

// A configuration's part of every snapshot.
struct RoutingInput {
  snapshot::Routing routing;
  std::vector<std::shared_ptr<upstream::SharedContainer>> containers;  // by ContainerIndex
};

class Builder {
 public:
  using Published = std::shared_ptr<const stream::ServedSnapshot>;
  // Makes the source on the builder's loop; called once, before the thread runs.
  using MakeSource = std::function<Result<std::unique_ptr<snapshot::StateSource>>(net::IoContext&)>;

  // `publish` is called on the builder's thread for each new snapshot.
  static Result<std::unique_ptr<Builder>> create(const MakeSource& make_source, snapshot::TrustStatus initial_trust,
                                                 VariantRegistry& variants, std::function<void(Published)> publish);
  ~Builder();

  Status start();
  void stop();

  // From any thread.
  void set_routing(RoutingInput input);
  void discard(Published unused);
  // A successor takes over: StateSource::release.
  void release_source();
  // Every worker uses a snapshot of that epoch.
  void enforced(uint64_t epoch);
  const snapshot::SourceStatus& source_status() const { return source_->status(); }

 private:
  Builder(std::unique_ptr<event::Loop> loop, VariantRegistry& variants, std::function<void(Published)> publish);
  void on_state(snapshot::AcceptedState state);
  void build(bool routing_changed);

  std::unique_ptr<event::Loop> loop_;
  net::IoContext io_;
  VariantRegistry& variants_;
  std::function<void(Published)> publish_;
  std::unique_ptr<snapshot::StateSource> source_;
  std::thread thread_;
  // On the builder's thread:
  RoutingInput input_;
  snapshot::FlagTable flags_;
  snapshot::TrustStatus trust_;
  Published current_;
  uint64_t generation_ = 0;
};

}  // namespace flagmesh
