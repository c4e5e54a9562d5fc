// The canonical form of a flag: the bytes that the state tree commits to, that Redis carries and
// that a lock file hashes (docs/formats.md, "Canonical flag").
//
//   {"bucketing":"flagd-v2","defaultVariant":"off","key":"checkout","metadata":{…},"state":"ENABLED","targeting":{…},
//    "tenant":"default","variants":{"off":false,"on":true}}
//
// Canonical JSON (RFC 8785) of exactly these members; `defaultVariant`, `metadata` and `targeting`
// are left out when the flag has none (null, absent and empty are the same). Two definitions that
// evaluate from the same facts have the same bytes.
#pragma once

#include <string>
#include <string_view>

#include "control/flags/model.h"
#include "proxy/base/result.h"

namespace flagmesh::flags {

std::string canonical_flag(const FlagDefinition& flag);

// The inverse, for readers of published state. Strict: refuses (code "bad_flag") anything that
// canonical_flag does not write: unknown or missing members, sugar, bytes that are not canonical,
// an unknown bucketing algorithm, limits of model.h. canonical_flag(*parse_canonical_flag(s)) == s
// for every s that it accepts.
Result<FlagDefinition> parse_canonical_flag(std::string_view json);

// The leaf of a tenant's flag-set metadata: {"metadata":{…},"tenant":"default"}. Empty when the set
// has no metadata (no leaf then).
std::string canonical_flag_set_metadata(const FlagSet& set);
Result<JsonValue> parse_canonical_flag_set_metadata(std::string_view json, std::string_view tenant);

// The flag as an entry of a flagd file (canonical JSON of state, variants, defaultVariant,
// targeting, metadata; no key): for export and the API.
JsonValue flagd_form(const FlagDefinition& flag);

}  // namespace flagmesh::flags
