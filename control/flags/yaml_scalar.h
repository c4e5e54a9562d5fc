// What a plain YAML scalar means: the core schema of YAML 1.2.2 (§10.3.2).
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "control/flags/json_value.h"

namespace flagmesh::flags {

// Null, boolean, number or string. The error says why a number or .inf or .nan is refused.
std::expected<JsonValue, std::string> resolve_plain_scalar(std::string_view text, Mark mark);

// A scalar with an explicit tag ("tag:yaml.org,2002:str" …); the error names what does not fit.
std::expected<JsonValue, std::string> resolve_tagged_scalar(std::string_view tag,
                                                            std::string_view text, Mark mark);

}  // namespace flagmesh::flags
