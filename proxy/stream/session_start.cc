#include "proxy/stream/session_start.h"

#include "proxy/stream/h1_session.h"
#include "proxy/stream/h2_session.h"
#include "proxy/stream/tls_accept.h"

namespace flagmesh::stream {

void accept_connection(WorkerContext& worker, SessionList& list, const ListenerRef& listener, int fd, const net::Address& peer) {
  if (listener->tls != nullptr) {
    TlsAccept::start(worker, list, listener, fd, peer);
  } else {
    H1Session::start(worker, list, listener, fd, peer);
  }
}

void start_session(WorkerContext& worker, SessionList& list, Peer peer, int fd, std::unique_ptr<net::Transport> transport) {
  if (peer.tls_info != nullptr && peer.tls_info->alpn == "h2") {
    H2Session::start(worker, list, std::move(peer), fd, std::move(transport), {});
    return;
  }
  H1Session::start_secure(worker, list, std::move(peer), fd, std::move(transport));
}

}  // namespace flagmesh::stream
