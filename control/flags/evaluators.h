// Named targeting rules put where they are used: flagd's `$ref` to `$evaluators`, and our segments.
//
//   segments:
//     staff: [alice, bob]                            # targeting keys
//     beta:  { or: [{ segment: staff }, { ends_with: [{ var: email }, "@shop.example" ] }] }
//
// `{ segment: NAME }` is the rule of that segment, `{ segment: [A, B] }` is true in either.
#pragma once

#include <string>

#include "control/flags/json_value.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

// `targeting` with every `{"$ref": "name"}` replaced by the members of that evaluator, as flagd
// does, and every segment by its rule; both may use each other. Reported in `out`: a `$ref` that does
// not exist (a warning: it stays, and evaluates to an error), a segment that does not, a circle, more
// nodes or levels than model.h allows, members that clash (errors: the result is null). `evaluators`
// and `segments` may be null.
JsonValue inline_refs(const JsonValue& targeting, const JsonValue& evaluators,
                      const JsonValue& segments, const std::string& file, Diagnostics& out);

// The member `segments` of a flag file is a map of rules and lists of targeting keys.
void check_segments(const JsonValue& segments, const std::string& file, Diagnostics& out);

}  // namespace flagmesh::flags
