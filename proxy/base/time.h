// Clocks. Monotonic time decides every timeout; wall time is only for logs, Date, certificates and checkpoints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace flagmesh {

// Milliseconds or nanoseconds of CLOCK_MONOTONIC.
using MonoMs = uint64_t;
using MonoNs = uint64_t;

MonoNs mono_ns();
inline MonoMs mono_ms() { return mono_ns() / 1'000'000; }

// Seconds and milliseconds since 1970-01-01 UTC.
int64_t unix_seconds();
int64_t unix_millis();

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7 IMF-fixdate); always 29 bytes.
inline constexpr size_t kHttpDateBytes = 29;
void write_http_date(int64_t unix_seconds, std::span<char, kHttpDateBytes> into);
std::string http_date(int64_t unix_seconds);

// "2026-11-20T21:45:00.123Z" (RFC 3339, UTC, milliseconds).
std::string rfc3339_millis(int64_t unix_millis);

}  // namespace flagmesh
