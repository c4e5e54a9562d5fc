// `$ref`: named targeting rules (`$evaluators`) put where they are used.
#pragma once

#include <string>

#include "control/flags/json_value.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

// `targeting` with every `{"$ref": "name"}` replaced by the members of that evaluator, as flagd
// does; evaluators may use each other. Reported in `out`: a name that does not exist (a warning:
// the `$ref` stays, and evaluates to an error), a circle, more nodes or levels than model.h allows,
// members that clash (errors: the result is null). `evaluators` may be null.
JsonValue inline_refs(const JsonValue& targeting, const JsonValue& evaluators,
                      const std::string& file, Diagnostics& out);

}  // namespace flagmesh::flags
