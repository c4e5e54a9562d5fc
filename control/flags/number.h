// Numbers as texts write them, for the readers of JSON and YAML.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace flagmesh::flags {

// A decimal number ("-12", "0.5", "1e9"; a leading '+' and a bare point are YAML's). The error says
// why it is refused: not finite, or it would not survive canonical JSON (read_json.h). REQUIRES:
// the text has the grammar of a number.
std::expected<double, std::string> decimal_number(std::string_view text);

// The same rule for a number that is already a double and was written as an integer (0x, 0o).
std::expected<double, std::string> integer_number(double value);

}  // namespace flagmesh::flags
