// Fields that mean one connection and must not reach the next (RFC 9110 §7.6.1).
#pragma once

#include <string_view>

#include "proxy/http/headers.h"

namespace flagmesh::http {

// Erases from a request's or response's fields: Connection and the fields that it
// nominates, Keep-Alive, Proxy-Connection, Proxy-Authenticate, Proxy-Authorization, TE,
// Transfer-Encoding, Upgrade, HTTP2-Settings, and every x-flagmesh-*, which only we may set. What
// they said is in the head already (framing, keep_alive, upgrade_websocket), and the encoders write
// what the next connection needs.
//
// Connection cannot nominate a field of HeaderId that is not in that list (Host, Content-Length,
// Cookie, Authorization, X-Forwarded-For and so on): those are for all recipients, nobody may
// nominate them (§7.6.1), and taking one out at a client's wish would hide from the origin what we
// or a trusted proxy decided by. Trailer stays: trailers are forwarded.
void remove_hop_by_hop(HeaderList& headers);

// Erases the fields that the options of one Connection field nominate. Trailers are nominated by
// the Connection fields of their message's head.
void remove_nominated(std::string_view options, HeaderList& fields);

// Erases what only a trusted proxy may say about who asked: Forwarded, X-Real-IP and every
// X-Forwarded-*, those that we do not know too.
void remove_forwarding(HeaderList& headers);

// Erases from trailers every field that we know by its id but ETag, and x-flagmesh-*. Those frame,
// route, authenticate or describe a message, may not come in trailers (RFC 9110 §6.5.1), and would
// pass by whoever looked at the head; an origin that merges trailers into the head would believe
// them. The decoders do so before they show trailers.
void remove_forbidden_trailers(HeaderList& trailers);

}  // namespace flagmesh::http
