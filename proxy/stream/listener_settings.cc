#include "proxy/stream/listener_settings.h"

#include <algorithm>

namespace flagmesh::stream {

std::array<std::string, 3> ListenerSettings::via_lines(const std::string& pseudonym) {
  if (pseudonym.empty()) return {};
  return {"1.0 " + pseudonym, "1.1 " + pseudonym, "2 " + pseudonym};
}

bool ListenerSettings::is_trusted_proxy(const net::Ip& ip) const {
  return std::ranges::any_of(trusted_proxies,
                             [&](const net::Cidr& range) { return range.contains(ip); });
}

bool ListenerSettings::is_trusted_proxy(const net::Address& peer) const {
  if (peer.is_unix()) return trust_unix;
  const std::optional<net::Ip> ip = net::Ip::of(peer);
  return ip && is_trusted_proxy(*ip);
}

bool ListenerSettings::believes(const net::Address& peer) const {
  const bool anybody_may = trusted_proxies.empty() && !trust_unix;
  // Behind a PROXY header the balancer was checked already.
  if (trusted_hops != 0 && (proxy_protocol || anybody_may)) return true;
  return is_trusted_proxy(peer);
}

}  // namespace flagmesh::stream
