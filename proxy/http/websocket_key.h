// The handshake of a WebSocket over HTTP/1.1 (RFC 6455 §4), which HTTP/2 has not: for connections that speak both.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/arena.h"

namespace flagmesh::http {

// Sec-WebSocket-Key: 16 bytes, in base64. In the arena.
std::string_view websocket_key(uint64_t random_a, uint64_t random_b, Arena& arena);

// Sec-WebSocket-Accept: the base64 of the SHA-1 of the key and a fixed text. In the arena.
std::string_view websocket_accept(std::string_view key, Arena& arena);

}  // namespace flagmesh::http
