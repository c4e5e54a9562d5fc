// A snapshot with what it needs at run time, as all workers share it, and as one worker holds it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/snapshot/snapshot.h"
#include "proxy/base/counter.h"
#include "proxy/upstream/container.h"
#include "proxy/upstream/shared_container.h"

namespace flagmesh::stream {

// How often each variant of one flag was decided, by worker. The last slot counts "no variant". Kept across snapshots while the flag has the
// same variants.
class VariantCounters {
 public:
  VariantCounters(std::string flag, std::vector<std::string> variants, uint32_t workers);

  const std::string& flag() const { return flag_; }
  const std::vector<std::string>& variants() const { return variants_; }
  // "x-flagmesh-flag: FLAG\r\nx-flagmesh-variant: VARIANT\r\n", for HeaderList::add_line.
  std::string_view lines(size_t variant) const { return lines_[variant]; }
  // `variant` beyond the last one: no variant.
  Counter& at(uint32_t worker, size_t variant) {
    return counts_[worker * (variants_.size() + 1) + std::min(variant, variants_.size())];
  }
  uint64_t total(size_t variant) const;

 private:
  std::string flag_;
  std::vector<std::string> variants_;
  std::vector<std::string> lines_;
  std::vector<Counter> counts_;
};

// Immutable; made and destroyed by the builder thread, read by workers.
struct ServedSnapshot {
  ServedSnapshot() = default;
  explicit ServedSnapshot(std::shared_ptr<const snapshot::Snapshot> built);

  std::shared_ptr<const snapshot::Snapshot> snapshot;
  std::vector<std::shared_ptr<upstream::SharedContainer>> containers;  // by ContainerIndex
  std::vector<std::shared_ptr<VariantCounters>> variants;              // by Route::index; null without a flag
  std::string epoch_line;  // "x-flagmesh-epoch: 17\r\n"; empty: not made
};

// One worker's hold on a snapshot, counted without atomics: its streams hold it until no retry is possible. The last release hands it back.
class WorkerSnapshot {
 public:
  using OnUnused = void (*)(void* context, WorkerSnapshot* snapshot);

  WorkerSnapshot(std::shared_ptr<const ServedSnapshot> served, std::vector<upstream::Container*> containers,
                 OnUnused on_unused, void* context);
  WorkerSnapshot(const WorkerSnapshot&) = delete;
  WorkerSnapshot& operator=(const WorkerSnapshot&) = delete;
  ~WorkerSnapshot();

  const snapshot::Snapshot& get() const { return *served_->snapshot; }
  const ServedSnapshot& served() const { return *served_; }
  std::shared_ptr<const ServedSnapshot> take_served() { return std::move(served_); }
  upstream::Container* container(snapshot::ContainerIndex index) const {
    return index < 0 ? nullptr : containers_[static_cast<size_t>(index)];
  }

  void add_ref() { ++references_; }
  void release_ref() {
    if (--references_ == 0) on_unused_(context_, this);
  }

 private:
  std::shared_ptr<const ServedSnapshot> served_;
  std::vector<upstream::Container*> containers_;  // references held
  OnUnused on_unused_;
  void* context_;
  uint32_t references_ = 1;
};

}  // namespace flagmesh::stream
