// One segment of a path as a name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace flagmesh::http {

// Without its percent escapes; nothing when one is malformed.
std::optional<std::string> decode_segment(std::string_view segment);

}  // namespace flagmesh::http
