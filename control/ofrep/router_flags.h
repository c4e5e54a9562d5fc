// A router's verified snapshot as OFREP's source.
#pragma once

#include "control/ofrep/flag_source.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh::ofrep {

// One per worker, on its thread; the worker's context outlives it. What it gives out lives as long
// as the worker's current snapshot, which does not change within a callback.
class RouterFlags final : public FlagSource {
 public:
  explicit RouterFlags(const stream::WorkerContext& worker) : worker_(worker) {}

  State state(const snapshot::Route* route) const override;
  std::string_view tenant(const snapshot::Route* route) const override;
  std::string version(std::string_view tenant) const override;
  const flags::CompiledFlag* find(std::string_view tenant, std::string_view key) const override;
  void for_each(std::string_view tenant, const std::function<void(FlagPtr)>& visit) const override;
  const flags::JsonValue* metadata(std::string_view tenant) const override;

 private:
  const snapshot::Snapshot& snapshot() const { return worker_.snapshot->get(); }
  const stream::WorkerContext& worker_;
};

}  // namespace flagmesh::ofrep
