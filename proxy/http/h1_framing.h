// What the fields of a head say about the body's end and the connection's (RFC 9112 §6, §9).
// Internal to the codec.
#pragma once

#include "proxy/http/h1_errors.h"
#include "proxy/http/message.h"

namespace flagmesh::http {

H1Error request_framing(const HeaderList& headers, Version version, BodyFraming& body);

// `method` is that of the request which the response answers.
H1Error response_framing(const HeaderList& headers, Version version, uint16_t status, Method method,
                         BodyFraming& body);

// No body follows whatever the fields say: 1xx, 204, 304, and answers to HEAD.
bool is_bodiless(uint16_t status, Method method);

// More options than this in one message are refused: each is looked up among the fields
// (hop_by_hop.h).
inline constexpr size_t kMaxConnectionOptions = 64;

struct ConnectionOptions {
  size_t count = 0;
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;

  // RFC 9112 §9.3
  bool persistent(Version version) const {
    return !close && (version != Version::kHttp10 || keep_alive);
  }
};

ConnectionOptions connection_options(const HeaderList& headers);

// Some Upgrade field lists websocket.
bool names_websocket(const HeaderList& headers);

}  // namespace flagmesh::http
