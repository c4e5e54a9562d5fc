// Times as a lock file writes them: "2026-12-01T00:00:00Z" (RFC 3339, UTC, seconds).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace flagmesh::lockfile {

inline constexpr int64_t kLastTime = 253402300799;  // 9999-12-31T23:59:59Z

// REQUIRES: 0 <= unix_seconds <= kLastTime.
std::string format_time(int64_t unix_seconds);
// Strict: format_time(*parse_time(text)) == text. Code "bad_time".
Result<int64_t> parse_time(std::string_view text);

}  // namespace flagmesh::lockfile
