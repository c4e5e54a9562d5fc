// `prerequisites`: a flag that decides only for those who get certain variants of other flags.
//
//   prerequisites:
//     - { flag: new-cart, variant: "on", otherwise: "off" }
//     - { flag: region, variants: [eu, us] }
//
// Compiled to flagd's language: the other flag's targeting becomes a condition before the flag's
// own,
//
//   {"if": [not met 1, otherwise 1, not met 2, null, own targeting]}
//
// so that every evaluator that knows one flag decides alike. Who does not meet a prerequisite gets
// its `otherwise`, or the default variant without one. A `fractional` without a key source hashes
// its flag's key; inlined, it gets that flag's key as an explicit source, and `$flagd.flagKey`
// becomes a text, so a user is in the same bucket of the other flag in both places. A disabled or
// absent flag meets nothing.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/model.h"
#include "proxy/base/diagnostic.h"
#include "proxy/base/result.h"

namespace flagmesh::flags {

// Beyond it a flag is refused.
inline constexpr size_t kPrerequisites = 20;

// Reads the member `prerequisites` of `flag` into it. Mistakes go to `out`. REQUIRES: variants are
// read.
void read_prerequisites(const JsonValue& value, const std::string& file, FlagDefinition& flag,
                        Diagnostics& out);
// The inverse, for what is kept on disk.
JsonValue prerequisites_json(const std::vector<Prerequisite>& prerequisites);

using FindFlag = std::function<const FlagDefinition*(std::string_view key)>;

// The flag's targeting with its prerequisites in front, and theirs in theirs; its own when it has
// none. `find` gives null for a flag that is absent. Codes "prerequisite_cycle" (the message has
// the way round), "too_large" (more values than model.h allows).
Result<JsonValue> with_prerequisites(const FlagDefinition& flag, const FindFlag& find);

// Puts them into the targeting of every flag of a whole set. Absent and disabled flags, and
// variants that a flag does not have, are warnings; circles are errors.
void resolve_prerequisites(FlagSet& set, Diagnostics& out);

}  // namespace flagmesh::flags
