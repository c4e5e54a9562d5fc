// The engine's own flags as OFREP's source: as they are now, published or not.
#pragma once

#include <optional>
#include <string>

#include "control/engine/flag_store.h"
#include "control/ofrep/flag_source.h"

namespace flagmesh::engine {

// On the engine's thread; the store outlives it.
class EngineFlags final : public ofrep::FlagSource {
 public:
  explicit EngineFlags(const FlagStore& store);

  State state(const snapshot::Route*) const override { return State::kReady; }
  std::string_view tenant(const snapshot::Route*) const override { return store_.tenant(); }
  std::string version(std::string_view tenant) const override;
  const flags::CompiledFlag* find(std::string_view tenant, std::string_view key) const override;
  void for_each(std::string_view tenant,
                const std::function<void(ofrep::FlagPtr)>& visit) const override;
  const flags::JsonValue* metadata(std::string_view tenant) const override;

 private:
  const FlagStore& store_;
  std::string run_;  // tells this process's revisions from those of others
  mutable std::string metadata_text_;
  mutable std::optional<flags::JsonValue> metadata_;  // of metadata_text_
};

}  // namespace flagmesh::engine
