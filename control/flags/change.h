// Changes of one flag, as commands and the API ask for them. Pure: a definition in, a new
// definition out; the old one stays as it was.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/flags/model.h"
#include "proxy/base/result.h"

namespace flagmesh::flags {

using Weights = std::vector<std::pair<std::string, int64_t>>;  // variant name, weight

// New weights in place in the flag's only `fractional`: never its order, key source or conditions
// around it. Of a flag with prerequisites only its own targeting changes; they are put in by
// with_prerequisites(). Variants of the `fractional` that `weights` does not name get 0. Refused:
//   "no_fractional", "several_fractionals"   which one to change is not clear
//   "computed_fractional"                    it names variants or weights by logic, or one variant
//   twice "unknown_variant"                        a name that the `fractional` does not have (mend
//   names the nearest) "bad_weights"                            negative, all zero, a sum above
//   2^31-1, or a name twice
Result<FlagDefinition> set_rollout(const FlagDefinition& flag, const Weights& weights);

Result<FlagDefinition> set_enabled(const FlagDefinition& flag, bool enabled);

// The kill switch: serves `variant` to everybody. The flag becomes ENABLED with that default and
// without targeting, which every evaluator of flagd's language understands alike; the former
// definition is in the engine's history, and restoring it undoes the kill. Refused:
// "unknown_variant".
Result<FlagDefinition> kill(const FlagDefinition& flag, std::string_view variant);

// The weights of the flag's only `fractional` as set_rollout would change them, in its order; the
// same refusals.
Result<Weights> rollout_of(const FlagDefinition& flag);

}  // namespace flagmesh::flags
