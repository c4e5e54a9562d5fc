// Where OFREP takes flags from: a router's snapshot, an engine's store.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/flags/compiled_flag.h"
#include "control/snapshot/route.h"

namespace flagmesh::ofrep {

using FlagPtr = std::shared_ptr<const flags::CompiledFlag>;

// One for a handler; on its thread, which outlives it. What it says holds until the callback that
// asked returns.
class FlagSource {
 public:
  enum class State : uint8_t {
    kReady,
    kStale,    // served, and marked: past its age, or not proven
    kRefused,  // the route's when_unproven says so
    kNone,     // there is no state yet
  };

  virtual ~FlagSource() = default;
  // `route` is null behind an engine.
  virtual State state(const snapshot::Route* route) const = 0;
  // The tenant that a request is for.
  virtual std::string_view tenant(const snapshot::Route* route) const = 0;
  // Letters and digits; another one whenever a flag of the tenant or its metadata changed.
  virtual std::string version(std::string_view tenant) const = 0;
  // Null when there is none.
  virtual const flags::CompiledFlag* find(std::string_view tenant, std::string_view key) const = 0;
  // All of them, in key order.
  virtual void for_each(std::string_view tenant,
                        const std::function<void(FlagPtr)>& visit) const = 0;
  // The flag set's; null: none.
  virtual const flags::JsonValue* metadata(std::string_view tenant) const = 0;
};

}  // namespace flagmesh::ofrep
