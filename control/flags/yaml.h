// A bounded reader of one YAML document into JSON values with marks; flagmesh.yaml and flag files
// are read with it.
//
// Plain scalars resolve as the core schema of YAML 1.2 says: null (`null`, `Null`, `NULL`, `~`,
// nothing), booleans (`true`, `false` and their capital forms; never on, off, yes, no), integers
// (decimal, 0o, 0x; `010` is ten), floats. Everything else is a string, and a quoted or block
// scalar always is. Names of members are strings as written (`on:`, `1:`, `true:`). Refused, each
// with line and column: what read_json refuses as far as it applies, duplicate names, names that
// are not scalars, .inf and .nan, unknown tags, undefined anchors, a second document, and more than
// the limits allow. Aliases are expanded by copying, against a budget checked before the copy: a
// YAML bomb costs nothing. Merge keys (`<<`) are not part of YAML 1.2 and have no meaning here. An
// empty document is null.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "control/flags/json_value.h"
#include "control/flags/read_json.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

std::expected<JsonValue, Diagnostic> read_yaml(std::string_view text, const std::string& file,
                                               const ReadLimits& limits = {});

// read_json for a file whose name ends in ".json", read_yaml for any other.
std::expected<JsonValue, Diagnostic> read_document(std::string_view text, const std::string& file,
                                                   const ReadLimits& limits = {});

}  // namespace flagmesh::flags
