// The header names that the proxy looks at, as ids: a lookup is an array read.
#pragma once

#include <cstdint>
#include <string_view>

namespace flagmesh::http {

enum class HeaderId : uint8_t {
  kOther,  // any name that is not listed
  kAccept,
  kAcceptEncoding,
  kAuthorization,
  kCacheControl,
  kConnection,
  kContentEncoding,
  kContentLength,
  kContentType,
  kCookie,
  kDate,
  kEtag,
  kExpect,
  kForwarded,
  kHost,
  kHttp2Settings,
  kIfMatch,
  kIfNoneMatch,
  kKeepAlive,
  kLocation,
  kMaxForwards,
  kOrigin,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kRetryAfter,
  kServer,
  kSetCookie,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kUserAgent,
  kVary,
  kVia,
  kXApiKey,
  kXFlagmeshEpoch,
  kXFlagmeshFlag,
  kXFlagmeshReason,
  kXFlagmeshStale,
  kXFlagmeshVariant,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedPort,
  kXForwardedProto,
  kXRealIp,
  kXRequestId,
  kCount,
};

// Lower case, as HTTP/2 sends it. For kOther and kCount: empty.
std::string_view header_name(HeaderId id);

// Case-insensitive; kOther when it is not listed. No allocation; a perfect hash or a switch on
// length and first letter.
HeaderId header_id(std::string_view name);

// "x-flagmesh-" in any case: fields that only Flagmesh may set, removed from both sides.
bool is_flagmesh_name(std::string_view name);

}  // namespace flagmesh::http
