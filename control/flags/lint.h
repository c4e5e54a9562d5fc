// What targeting says that flagd's schema does not allow, or that cannot do what was meant.
// Everything here is a warning: flagd evaluates it.
#pragma once

#include <string>

#include "control/flags/model.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

// Unknown operations, wrong numbers of operands, operands of a type that an operation never takes,
// unknown $flagd properties, odd `fractional`s, and results that are not a variant of the flag.
// `flag` is complete and its `$ref`s are inlined.
void lint_targeting(const FlagDefinition& flag, const std::string& file, Diagnostics& out);

}  // namespace flagmesh::flags
