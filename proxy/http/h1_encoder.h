// Messages to HTTP/1 bytes. Pure: everything is appended to the Output it is handed.
#pragma once

#include <string_view>

#include "proxy/base/output.h"
#include "proxy/http/message.h"

namespace flagmesh::http {

// Request line and fields as they are in `head` (erased ones left out), then the empty line, always
// as HTTP/1.1. Framing fields (Content-Length, Transfer-Encoding), Connection and Host are written
// by the encoder from `head.body`, `connection` and `head.authority`; those in the list are
// skipped, and Upgrade too. `connection`: "" (none written), "close", "keep-alive" (to an HTTP/1.0
// client), "upgrade" (writes Upgrade: websocket as well).
// REQUIRES: names, values and target have passed the decoder or are ours: no CR, LF, NUL.
void encode_request(const RequestHead& head, std::string_view connection, Output& out);

// Status line and fields. Framing as above from `head.body` (kNone writes neither; a HEAD answer or
// a 304 keeps the Content-Length that is in the list because `keep_length` says so). Adds nothing
// else.
void encode_response(const ResponseHead& head, std::string_view connection, bool keep_length,
                     Output& out);

// A piece of a body in the given framing: borrowed from the caller where large (see Output). Empty
// data writes nothing.
void encode_data(Framing framing, std::string_view data, Output& out);

// The end of a body: for kChunked the last chunk and the trailers (may be null), else nothing.
void encode_end(Framing framing, const HeaderList* trailers, Output& out);

}  // namespace flagmesh::http
