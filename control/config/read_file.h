// Whole files that people wrote.
#pragma once

#include <string>

#include "proxy/base/result.h"

namespace flagmesh::config {

// A larger configuration or flag file is a mistake.
inline constexpr size_t kFileBytes = 64 * 1024 * 1024;

// Codes "read_failed", "too_large"; the message has the system's reason, not the path.
Result<std::string> read_file(const std::string& path);

}  // namespace flagmesh::config
