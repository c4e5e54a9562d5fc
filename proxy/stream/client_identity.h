// Who asks: the client's address, and whether it came by TLS, as far as the listener believes what
// it is told.
#pragma once

#include <string_view>

namespace flagmesh::stream {

class Stream;

struct ClientIdentity {
  std::string_view ip;  // canonical text; "unix" for a Unix socket
  bool https = false;
};

// Reads and cleans the request's fields, before anything else looks at them.
//
// From a peer that is not believed: every X-Forwarded-*, Forwarded, X-Real-IP and the listener's
// identity headers are removed; the client is the peer. From one that is: the client is found in
// X-Forwarded-For or Forwarded (docs/http.md has the rule), and of the rest only what is malformed
// is removed.
ClientIdentity identify_client(Stream& stream);

}  // namespace flagmesh::stream
