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

// --- HTTP/2 (RFC 9113) -------------------------------------------------------------------------------------------------
// kHeaderBlockBytes, kHeaderFields, kTargetBytes and kTrailerBlockBytes hold as well; a field counts as name + value + 32 bytes.

// Requests of one client at a time on one connection. nginx: 128; browsers and gRPC need no more.
inline constexpr uint32_t kH2Streams = 128;
// Bytes of one request body, and of all of a connection, that may come before they are forwarded: what a slow container can make us hold.
inline constexpr uint32_t kH2StreamWindow = 256 * 1024;
inline constexpr uint32_t kH2ConnectionWindow = 4 * 1024 * 1024;
// Response bytes of all streams of a connection that wait for its windows before every container that sends more has to wait.
inline constexpr size_t kH2QueuedBytes = 1024 * 1024;
// CONTINUATION frames of one header block: 32 KiB fit in two.
inline constexpr size_t kH2Continuations = 8;
// Bytes that one header block may decompress to, and its fields, before the connection is ended (above kHeaderBlockBytes: 431).
inline constexpr size_t kH2DecompressedBytes = 1024 * 1024;
inline constexpr size_t kH2DecompressedFields = 4096;
// Streams that a peer may reset, or make us reset, before it may reset only so many a second.
inline constexpr uint32_t kH2Resets = 500;
inline constexpr uint32_t kH2ResetsPerSecond = 50;
// Frames that carry nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA): so many, and so many more a second, and for each
// request and each frame of a body that was worth sending. Unknown frames are skipped, at less than their bytes cost to read.
inline constexpr uint32_t kH2IdleFrames = 2'000;
inline constexpr uint32_t kH2IdleFramesPerSecond = 100;
inline constexpr uint32_t kH2IdleFramesPerWork = 6;
// A DATA frame sent below this size earns the peer nothing: its windows are what makes frames small.
inline constexpr size_t kH2WorthwhileBytes = 1024;
// Frames, and bytes written to one connection, in one callback.
inline constexpr uint32_t kH2FrameBudget = 512;
inline constexpr size_t kH2WriteBudgetBytes = 256 * 1024;
// Requests of ours at a time on one connection to a container, when it allows more: a longer queue would only wait for one socket.
inline constexpr uint32_t kH2UpstreamStreams = 256;
// Between the two GOAWAY frames of a drain: requests that are on their way arrive.
inline constexpr uint32_t kH2DrainNoticeMs = 500;

// --- TLS -------------------------------------------------------------------------------------------------------------

// Handshakes of one worker at a time; others wait, in order. One costs 30 KiB while it lasts, and a tenth of a millisecond.
inline constexpr uint32_t kTlsHandshakes = 1024;

// --- Buffers ---------------------------------------------------------------------------------------------------------

// One read's scratch per worker: large enough that a 64 KiB body with its head is one read.
inline constexpr size_t kReadScratchBytes = 128 * 1024;
// Bytes that wait for a slow peer before reading from the other side stops; reading resumes below the low mark.
inline constexpr size_t kBufferHighWatermark = 256 * 1024;
inline constexpr size_t kBufferLowWatermark = 64 * 1024;
// Request body bytes kept so that an attempt on another endpoint can send them again; larger bodies are not retried.
inline constexpr size_t kRetryBodyBytes = 64 * 1024;

// --- Fairness: what one callback may do before others run --------------------------------------------------------------

// Callbacks of ready descriptors whose copied output goes out together.
inline constexpr unsigned kCallbacksPerFlush = 16;
inline constexpr size_t kReadBudgetBytes = 512 * 1024;
inline constexpr unsigned kAcceptBudget = 64;
inline constexpr unsigned kPipelineBudget = 16;

// --- Overload --------------------------------------------------------------------------------------------------------

// Clients over a limit of connections: so many of a worker are told so, others are closed at once ...
inline constexpr unsigned kRefusedConnections = 64;
// ... and may take so long to ask (ms).
inline constexpr unsigned kRefusedMs = 2'000;

// --- Flags -----------------------------------------------------------------------------------------------------------

// A longer targeting key counts as absent (DESIGN.md).
inline constexpr size_t kTargetingKeyBytes = 256;

}  // namespace flagmesh::limits
