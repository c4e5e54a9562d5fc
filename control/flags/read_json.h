// A strict, bounded reader of JSON texts (RFC 8259): one value, UTF-8, nothing after it.
//
// Refused, each with its place: bytes that are not UTF-8 (overlong forms and surrogates included),
// a lone surrogate escape, NUL in a string, a name that appears twice in an object, comments and
// trailing commas, a number that is not finite, and one that would not survive canonical JSON:
// beyond 2^53 written as an integer, or between 2^53 and 1e21 however written (ECMAScript prints
// those as integers). Memory is bounded by the limits; no recursion on input.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "control/flags/json_value.h"
#include "proxy/base/diagnostic.h"
#include "proxy/base/result.h"

namespace flagmesh::flags {

// What a text may hold; one more is refused. The defaults fit a file of 100,000 flags.
struct ReadLimits {
  size_t bytes = 64 * 1024 * 1024;
  size_t depth = 128;              // arrays and objects inside each other
  size_t nodes = 4 * 1024 * 1024;  // values of all kinds, those that aliases repeat included
  size_t alias_nodes = 100'000;    // YAML only: values that aliases repeat
};

// `file` names the text in the diagnostic.
std::expected<JsonValue, Diagnostic> read_json(std::string_view text, const std::string& file,
                                               const ReadLimits& limits = {});

// The same for texts that no person wrote: the error has code "bad_json" and the place "line 1,
// column 5".
Result<JsonValue> parse_json(std::string_view text, const ReadLimits& limits = {});

// The second of two members with one name; null pointer when names are unique.
const JsonMember* repeated_name(const JsonValue::Object& members);

}  // namespace flagmesh::flags
