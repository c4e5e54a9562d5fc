// Request lines and status lines, taken apart (RFC 9112 §3, §4). Internal to the codec.
#pragma once

#include <string_view>

#include "proxy/http/h1_errors.h"
#include "proxy/http/message.h"

namespace flagmesh::http {

struct RequestLine {
  std::string_view method;
  std::string_view target;  // not looked into
  Version version = Version::kHttp11;
};

// Exactly one space between the three parts. Versions 1.2 to 1.9 count as 1.1 (RFC 9110 §2.5).
H1Error split_request_line(std::string_view line, size_t max_target, RequestLine& out);

struct StatusLine {
  uint16_t status = 0;
  Version version = Version::kHttp11;
  std::string_view reason;
};

// The space before an empty reason may be missing: many origins leave it out, and nothing hangs on
// it.
H1Error split_status_line(std::string_view line, StatusLine& out);

}  // namespace flagmesh::http
