// The PROXY protocol (haproxy.org, "The PROXY protocol", versions 1 and 2): what a balancer that
// forwards bytes says, before the first of them, about the client behind it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/net/address.h"

namespace flagmesh::net {

// Bytes of the longest header that is taken: version 1 ends within 107 (§2.1). Version 2 could
// announce 64 KiB; real ones, TLS certificate names included, stay far below this.
inline constexpr size_t kProxyV1Bytes = 107;
inline constexpr size_t kProxyV2Bytes = 4096;

enum class ProxyHeaderStep : uint8_t {
  kNeedMore,  // sound so far: show the same bytes again, with more behind them
  kDone,      // `header` is filled
  kBad,       // not a header, or one that may not be trusted; no further byte can mend it
};

struct ProxyHeader {
  size_t size = 0;  // bytes of the header; what follows is the client's
  // The sender speaks for itself or does not know who is behind it (v1 UNKNOWN, v2 LOCAL or
  // UNSPEC): the addresses of the connection hold, and those below are empty.
  bool local = true;
  Address source;
  Address destination;
};

// Looks at the first bytes of a connection. However they are cut into calls, the outcome is the
// same. kBad comes as soon as the start, a fixed field or the length shows it, for a line of
// version 1 with its end.
//
// Version 1: one space between the parts, decimal ports without leading zeros, addresses as
// inet_pton() has them. Version 2: commands LOCAL and PROXY, the seven address families of §2.2 and
// no other; TLVs must fill what is left exactly, and are skipped but for the CRC-32c (§2.2.4),
// which is verified where present.
ProxyHeaderStep parse_proxy_header(std::string_view bytes, ProxyHeader& header);

}  // namespace flagmesh::net
