// Canonical JSON: the one way to write a value (RFC 8785, JCS). Leaves of the state tree hash these
// bytes.
//
// Members are sorted by their names' UTF-16 code units (§3.2.3), numbers are printed as ECMAScript
// prints doubles (§3.2.2.3), strings escape only what they must (§3.2.2.2); no white space.
#pragma once

#include <string>
#include <string_view>

#include "control/flags/json_value.h"

namespace flagmesh::flags {

// REQUIRES: strings are UTF-8, numbers are finite, names in an object are unique (what the readers
// guarantee).
std::string canonical_json(const JsonValue& value);
void append_canonical_json(const JsonValue& value, std::string& out);

// A JSON string with its quotes, escaped as RFC 8785 §3.2.2.2 says.
void append_json_string(std::string_view text, std::string& out);

// A finite double as ECMAScript's Number::toString prints it: "1e+21", "0.1", "-5"; -0 is "0".
std::string ecmascript_number(double value);

// Orders two UTF-8 strings by their UTF-16 code units.
bool utf16_less(std::string_view a, std::string_view b);

}  // namespace flagmesh::flags
