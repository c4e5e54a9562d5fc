// Tunnels and long responses of users whose variant changed since (proxy.on_change).
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/time.h"
#include "proxy/event/loop.h"

namespace flagmesh::stream {

class Stream;
struct WorkerContext;

enum class OnChange : uint8_t {
  kKeep,   // they go on
  kDrain,  // they end within the grace, spread over its second half
  kClose,  // they end at once
};

// A stream's place in the watch.
struct WatchLink {
  Stream* next = nullptr;
  Stream* previous = nullptr;
  std::string_view tenant;  // of the flag; in the stream's arena
  uint64_t leaf = 0;        // names the flag's definition that the variant was last decided under
  bool watched = false;
};

// One worker's. A stream joins with its response's head, when its snapshot is let go, and keeps
// only its decision and its request. After each new snapshot those whose flag changed are evaluated
// again, kBudget of them in one turn of the loop.
class ChangeWatch final : private event::TurnTask {
 public:
  static constexpr unsigned kBudget = 128;
  // The variant that the stream's user would get now, empty without one; what filters/rollout
  // knows.
  using VariantNow = std::string_view (*)(Stream& stream, std::string_view tenant);

  explicit ChangeWatch(WorkerContext& worker) : worker_(worker) {}
  ~ChangeWatch() override = default;

  // For streams that begin from now on. `grace`: ms, for kDrain.
  void set(OnChange action, MonoMs grace, VariantNow variant_now);
  bool on() const { return action_ != OnChange::kKeep; }

  // REQUIRES: on(), and that the stream holds the snapshot that it was decided under.
  void add(Stream& stream);
  void remove(Stream& stream);
  void snapshot_changed();

 private:
  void on_turn() override;
  void look_at(Stream& stream);

  WorkerContext& worker_;
  OnChange action_ = OnChange::kKeep;
  MonoMs grace_ = 0;
  VariantNow variant_now_ = nullptr;
  Stream* first_ = nullptr;
  Stream* cursor_ = nullptr;  // next to look at
  bool again_ = false;        // a snapshot came while looking
};

}  // namespace flagmesh::stream
