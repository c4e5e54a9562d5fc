// Flag files (flagd's schema, YAML or JSON, with the sugar `enabled` and `rollout`) into
// definitions.
//
// A mistake that has no meaning is an error: text that does not parse, a flag without `state` (or
// `enabled`) or variants, an unknown state or default variant, a wrong type, a key that looks like
// a slip of a known one, sugar that is wrong. What flagd itself evaluates, though its schema says
// otherwise, is a warning: variants of mixed types, negative or fractional weights, unknown
// operators or a wrong number of arguments, a missing `$ref`, foreign keys. Loading accepts
// warnings; `check --strict` and the API refuse them.
//
// Sugar (DESIGN.md): `enabled: false` is `state: DISABLED`. `rollout: {"on": 25, "off": 75}` is a
// `fractional` over all variants in name order (UTF-8 bytes), the default variant last, variants
// that it does not name with weight 0; weights are whole, not negative, not all zero, and their sum
// is at most 2^31-1. It excludes `targeting`.
#pragma once

#include <string>
#include <string_view>

#include "control/flags/model.h"
#include "proxy/base/diagnostic.h"
#include "proxy/base/result.h"

namespace flagmesh::flags {

// The whole file or nothing: when has_errors(diagnostics), `flags` holds only what a caller may
// show, never serve.
struct ParsedFlags {
  FlagSet flags;
  Diagnostics diagnostics;  // in file order
};

// `file` names the text in diagnostics; a name that ends in ".json" is read as JSON, any other as
// YAML. Flags come as an object by key, or as an array of objects with `key` (flagd's second form).
// An empty document or one without `flags` is an error.
ParsedFlags parse_flag_file(std::string_view text, const std::string& file,
                            std::string_view tenant);

// Adds the flags and metadata of `more` to `into` (same tenant). A flag that is in both, or a
// metadata key with two values, is an error in `out`; `into_name` and `more_name` name the files.
void merge_flag_sets(FlagSet& into, FlagSet more, const std::string& more_name, Diagnostics& out);

// One flag as an API body has it: the value of a flag in a flag file, sugar included, without
// `$evaluators`.
ParsedFlags parse_flag_value(const JsonValue& value, std::string_view key, const std::string& file,
                             std::string_view tenant);

}  // namespace flagmesh::flags
