#include "proxy/stream/session.h"

namespace flagmesh::stream {

Peer::Peer(const net::Address& address, const ListenerRef& accepted_by)
    : ip(address.is_unix() ? std::string(kUnixPeer) : address.ip()),
      listener(accepted_by),
      loopback(address.is_loopback()),
      believed(accepted_by->believes(address)) {}

}  // namespace flagmesh::stream
