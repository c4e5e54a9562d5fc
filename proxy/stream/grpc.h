// What gRPC needs besides HTTP/2: its way to say that a call failed, and its deadline. The protocol is described at
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
#pragma once

#include <cstdint>
#include <optional>

#include "proxy/http/message.h"
#include "proxy/stream/local_error.h"

namespace flagmesh::stream {

inline constexpr std::string_view kGrpcStatusName = "grpc-status";
inline constexpr std::string_view kGrpcMessageName = "grpc-message";
inline constexpr uint8_t kGrpcDeadlineExceeded = 4;

// Content-Type application/grpc, alone or with a "+proto"; not gRPC-Web, whose trailers are in the body.
bool is_grpc(const http::HeaderList& headers);

// The grpc-status that says what the error's HTTP status says.
uint8_t grpc_status(const LocalError& error);

// grpc-timeout in milliseconds, rounded up; nothing when it is absent or malformed. At most a year.
std::optional<uint64_t> grpc_timeout_ms(const http::HeaderList& headers);

}  // namespace flagmesh::stream
