// The fields that a proxy adds and takes away on the way through (RFC 9110 §7.6, RFC 7239's older cousins).
#pragma once

#include "proxy/http/message.h"

namespace flagmesh::stream {

class Stream;

// The request as the container shall see it: hop-by-hop fields and x-flagmesh-* out; X-Forwarded-For (appended), -Proto, -Host or
// Forwarded, X-Request-Id, Via and the decision (x-flagmesh-flag, -variant, -epoch) in.
void prepare_request(Stream& stream);

// The container's answer as the client shall see it: hop-by-hop fields and x-flagmesh-* out, Via in. The decision is added by
// Stream::respond().
void prepare_response(Stream& stream, http::ResponseHead& head);

// x-flagmesh-flag, -variant, -epoch and -stale of a flag route's decision.
void add_decision(Stream& stream, http::HeaderList& headers);

// Gives the request an id: the one of a believed peer when it is 1 to 128 printable bytes, else 128 random bits in hexadecimal.
void ensure_request_id(Stream& stream);

}  // namespace flagmesh::stream
