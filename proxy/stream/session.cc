#include "proxy/stream/session.h"

#include <utility>

namespace flagmesh::stream {

Peer::Peer(const net::Address& address, const ListenerRef& accepted_by)
    : ip(address.is_unix() ? std::string(kUnixPeer) : address.ip()),
      listener(accepted_by),
      loopback(address.is_loopback()),
      believed(accepted_by->believes(address)) {}

void Peer::replace(const net::Address& client) {
  Peer named(client, listener);
  named.place = std::move(place);
  named.loopback = false;  // of the socket itself, which is the balancer's
  *this = std::move(named);
}

}  // namespace flagmesh::stream
