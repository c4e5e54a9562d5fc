// Request targets and authorities (RFC 9112 §3.2, RFC 3986). The rule for paths, and why, is in
// docs/http.md. HTTP/2 uses the same functions for :path and :authority.
#pragma once

#include <optional>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/message.h"

namespace flagmesh::http {

// What a request asks for, taken apart. Views into the text that was parsed or into the arena.
struct Target {
  std::string_view scheme;     // absolute-form only: "http" or "https", as sent
  std::string_view authority;  // absolute-form only
  std::string_view text;       // origin-form to forward, or "*"
  std::string_view path;       // `text` up to the first '?'
  std::string_view query;      // behind it; empty when there is none
};

// Origin-form, absolute-form (http and https) and, for OPTIONS, asterisk-form; nothing when it is
// malformed. `raw` must live as long as the result. With `normalize` the path gets its one normal
// form: escapes of unreserved characters decoded, other escapes in upper case, runs of slashes made
// one, dot segments removed. It is idempotent, and the result is never longer than `raw` by more
// than one byte. CONNECT is not for this function.
std::optional<Target> parse_target(std::string_view raw, Method method, bool normalize,
                                   Arena& arena);

// uri-host [ ":" port ] with a host that is not empty: a registered name without comma, an IPv4
// address or an IPv6 literal in brackets (no zone); a port, which may be empty, up to 65535. No
// user information.
bool is_valid_authority(std::string_view text);

}  // namespace flagmesh::http
