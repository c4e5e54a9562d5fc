// HTTP messages as the proxy sees them, whatever the version on the wire (RFC 9110).
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/http/headers.h"

namespace flagmesh::http {

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2 };

enum class Method : uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kConnect,
  kOptions,
  kTrace,
  kPatch,
  kOther
};

std::string_view method_name(Method method);  // empty for kOther
Method method_of(std::string_view token);     // case-sensitive (RFC 9110 §9.1)

// RFC 9110 §9.2.2: may be sent again without asking the user.
bool is_idempotent(Method method);

// How the end of a body is told (RFC 9112 §6.3).
enum class Framing : uint8_t {
  kNone,        // there is no body
  kLength,      // Content-Length, `length` bytes; may be 0
  kChunked,     // Transfer-Encoding: chunked
  kUntilClose,  // responses only
};

struct BodyFraming {
  Framing kind = Framing::kNone;
  uint64_t length = 0;  // kLength only
};

// All string_views of a head point into the arena that the decoder was given, and live as long as
// it.
struct RequestHead {
  Method method = Method::kGet;
  Version version = Version::kHttp11;
  bool keep_alive = true;        // the client wants the connection kept (RFC 9112 §9.3)
  bool expect_continue = false;  // "Expect: 100-continue" in an HTTP/1.1 request
  // Connection: upgrade and Upgrade names websocket, method GET, no body; in HTTP/2 an extended
  // CONNECT (RFC 8441), which is shown as that GET.
  bool upgrade_websocket = false;
  bool te_trailers = false;  // the client takes trailers (RFC 9110 §10.1.4)
  BodyFraming body;
  std::string_view method_text;  // as sent
  std::string_view scheme;       // of an absolute-form target, else empty
  std::string_view authority;  // absolute-form authority, else Host; may be empty (RFC 9112 §3.2)
  std::string_view
      target;  // origin-form to forward: path and query ("/a/b?c"), normalised; "*" for OPTIONS *
  std::string_view path;   // target without the query: what routes match
  std::string_view query;  // after '?', without it; empty when there is none
  HeaderList headers;      // every field but those removed by the decoder (it removes none)
};

struct ResponseHead {
  uint16_t status = 0;
  Version version = Version::kHttp11;
  bool keep_alive = true;  // the connection can be used again once the message ended
  bool ended = false;      // HTTP/2: the head was all of the message
  BodyFraming body;
  std::string_view reason;  // may be empty
  HeaderList headers;
};

}  // namespace flagmesh::http
