// `sem_ver`: comparing versions as flagd does (Semantic Versioning 2.0.0, with short versions).
#pragma once

#include <optional>
#include <string_view>

namespace flagmesh::flags {

// Whether `left operator right` holds; nothing when a version or the operator is not one.
// Operators: = != < <= > >=, ~ (same major and minor), ^ (same major). Versions:
// MAJOR[.MINOR[.PATCH[-PRERELEASE][+BUILD]]] with an optional leading v or V; build metadata do not
// count.
std::optional<bool> sem_ver(std::string_view left, std::string_view operation,
                            std::string_view right) noexcept;

}  // namespace flagmesh::flags
