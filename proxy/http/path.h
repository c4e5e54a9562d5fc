// Request targets and authorities (RFC 9112 §3.2, RFC 3986). The rule for paths, and why, is in
// docs/http.md. HTTP/2 uses the same functions for :path and :authority.
#pragma once

#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/message.h"

namespace flagmesh::http {

// Origin-form, absolute-form (http and https) and, for OPTIONS (head.method), asterisk-form: fills
// `target`, `path`, `query` of `head`, and `scheme` and `authority` for absolute-form. False when
// it is malformed. `raw` must live as long as `head`: where nothing changes, the views are into it,
// else into `arena`. With `normalize` the path gets its one normal form: escapes of unreserved
// characters decoded, other escapes in upper case, runs of slashes made one, dot segments removed.
// It is idempotent, and the result is never longer than `raw` by more than one byte. CONNECT is not
// for this function.
bool parse_target(std::string_view raw, bool normalize, Arena& arena, RequestHead& head);

// uri-host [ ":" port ] with a host that is not empty: a registered name without comma, an IPv4
// address or an IPv6 literal in brackets (no zone); a port, which may be empty, up to 65535. No
// user information.
bool is_valid_authority(std::string_view text);

}  // namespace flagmesh::http
