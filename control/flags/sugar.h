// `rollout`, Flagmesh's short form of a percentage split.
#pragma once

#include <string>

#include "control/flags/model.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

// The `fractional` that a rollout stands for (parse.h): all variants of `flag` in name order, the
// default variant last, so that the order in the file never decides who is in which bucket. Null
// and an error in `out` when it is wrong. REQUIRES: variants and default are read.
JsonValue desugar_rollout(const JsonValue& rollout, const FlagDefinition& flag,
                          const std::string& file, Diagnostics& out);

}  // namespace flagmesh::flags
