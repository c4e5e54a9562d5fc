#include "proxy/endpoint_addresses.h"

namespace flagmesh {

Result<std::optional<net::Address>> literal_address(const snapshot::EndpointSpec& endpoint) {
  if (!endpoint.unix_path.empty()) {
    Result<net::Address> address = net::Address::parse("unix:" + endpoint.unix_path);
    if (!address) return std::unexpected(address.error());
    return std::optional(*address);
  }
  const Result<net::Address> literal = net::Address::from_ip(endpoint.host, endpoint.port);
  return literal ? std::optional(*literal) : std::nullopt;
}

}  // namespace flagmesh
