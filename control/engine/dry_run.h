// What a change would do: how many of a sample of users would get another variant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "control/flags/json_value.h"
#include "control/flags/model.h"
#include "proxy/base/result.h"

namespace flagmesh::engine {

inline constexpr size_t kSample = 10'000;
inline constexpr size_t kMaxSample = 100'000;

struct DryRun {
  size_t sample = 0;
  size_t moved = 0;
  // From and to which variant ("" = none) how many moved.
  std::map<std::pair<std::string, std::string>, size_t> moves;

  flags::JsonValue json() const;
};

// Evaluates both for users "user-0", "user-1", …, each with `context` besides (an object, or null).
// A flag that is not there before or after gives nobody a variant. Codes of CompiledFlag::compile.
Result<DryRun> dry_run(const flags::FlagDefinition* before, const flags::FlagDefinition* after,
                       const flags::JsonValue& context, size_t sample, int64_t unix_seconds);

}  // namespace flagmesh::engine
