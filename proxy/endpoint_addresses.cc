#include "proxy/endpoint_addresses.h"

#include <netdb.h>

namespace flagmesh {

namespace {

Result<std::vector<net::Address>> addresses_of(const snapshot::EndpointSpec& endpoint) {
  if (!endpoint.unix_path.empty()) {
    Result<net::Address> address = net::Address::parse("unix:" + endpoint.unix_path);
    if (!address) return std::unexpected(address.error());
    return std::vector{*address};
  }
  if (Result<net::Address> literal = net::Address::from_ip(endpoint.host, endpoint.port); literal) {
    return std::vector{*literal};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (error != 0) {
    return fail("resolve", "the name has no address: " + std::string(gai_strerror(error)), endpoint.text(),
                "name an endpoint that this host can resolve");
  }
  std::vector<net::Address> result;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    result.push_back(net::Address::from_sockaddr(at->ai_addr, at->ai_addrlen));
  }
  freeaddrinfo(found);
  return result;
}

}  // namespace

Result<upstream::EndpointList> resolve_endpoints(const snapshot::ContainerSpec& spec) {
  upstream::EndpointList list;
  for (const snapshot::EndpointSpec& endpoint : spec.endpoints) {
    Result<std::vector<net::Address>> addresses = addresses_of(endpoint);
    if (!addresses) return std::unexpected(addresses.error());
    for (const net::Address& address : *addresses) {
      list.push_back(std::make_shared<upstream::EndpointState>(address, endpoint.text(), endpoint.weight));
    }
  }
  return list;
}

}  // namespace flagmesh
