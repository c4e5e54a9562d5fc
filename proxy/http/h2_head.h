// What a whole HTTP/2 header block says, as the messages that HTTP/1 has too (RFC 9113 §8.3, §8.5;
// RFC 8441). Internal to the codec.
#pragma once

#include "proxy/base/arena.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/http/h2_fields.h"
#include "proxy/http/message.h"

namespace flagmesh::http {

// Fills `head` but for its fields, which are there already. `end`: END_STREAM. Cookie fields are
// joined (§8.2.3); Host says what :authority says. A body without Content-Length is kChunked.
H1Error finish_h2_request(const H2Pseudo& pseudo, bool end, const H1Limits& limits, Arena& arena,
                          RequestHead& head);

// As above. `websocket`: the request was an extended CONNECT; its 2xx is shown as a 101.
H1Error finish_h2_response(const H2Pseudo& pseudo, bool end, Method method, bool websocket,
                           ResponseHead& head);

// RFC 9113 §8.1.1: a stream error of type PROTOCOL_ERROR. The others have an answer (status_of).
bool is_malformed(H1Error error);

}  // namespace flagmesh::http
