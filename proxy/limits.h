// Every limit of the data plane: name, unit, default, reason. Configuration may change those that say so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flagmesh::limits {

// --- HTTP/1 messages -------------------------------------------------------------------------------------------------

// Bytes of a header block (start line, fields, final CRLF). 431 above it. nginx refuses above 4 x 8 KiB, Envoy at 60 KiB.
inline constexpr size_t kHeaderBlockBytes = 32 * 1024;
// Fields in one header or trailer block; bounds the per-request table. Envoy: 100.
inline constexpr size_t kHeaderFields = 128;
// Bytes of a request target; 414 above it. RFC 9112 §3 asks for 8000 at least.
inline constexpr size_t kTargetBytes = 16 * 1024;
// Bytes of a chunk-size line with its extensions (RFC 9112 §7.1.1 asks for a limit).
inline constexpr size_t kChunkLineBytes = 4 * 1024;
// Bytes of a trailer block.
inline constexpr size_t kTrailerBlockBytes = 8 * 1024;

// --- Buffers ---------------------------------------------------------------------------------------------------------

// One read's scratch per worker: large enough that a 64 KiB body with its head is one read.
inline constexpr size_t kReadScratchBytes = 128 * 1024;
// Bytes that wait for a slow peer before reading from the other side stops; reading resumes below the low mark.
inline constexpr size_t kBufferHighWatermark = 256 * 1024;
inline constexpr size_t kBufferLowWatermark = 64 * 1024;
// Request body bytes kept so that an attempt on another endpoint can send them again; larger bodies are not retried.
inline constexpr size_t kRetryBodyBytes = 64 * 1024;

// --- Fairness: what one callback may do before others run --------------------------------------------------------------

inline constexpr size_t kReadBudgetBytes = 512 * 1024;
inline constexpr unsigned kAcceptBudget = 64;
inline constexpr unsigned kPipelineBudget = 16;

// --- Flags -----------------------------------------------------------------------------------------------------------

// A longer targeting key counts as absent (DESIGN.md).
inline constexpr size_t kTargetingKeyBytes = 256;

}  // namespace flagmesh::limits
