// From an accepted descriptor to the session that speaks its protocol.
#pragma once

#include <memory>

#include "proxy/net/address.h"
#include "proxy/net/transport.h"
#include "proxy/stream/session.h"
#include "proxy/stream/session_list.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh::stream {

// Begins: at once with a session, or with TLS's handshake first where the listener says so. Owns `fd`. On the worker's thread.
void accept_connection(WorkerContext& worker, SessionList& list, const ListenerRef& listener, int fd, const net::Address& peer);

// The handshake is done (peer.tls_info says what it has shown): the session that speaks what ALPN agreed on gets the socket, which is
// registered nowhere. The one place that picks a session's class for TLS; for clear text H1Session does, by the client's first bytes.
void start_session(WorkerContext& worker, SessionList& list, Peer peer, int fd, std::unique_ptr<net::Transport> transport);

}  // namespace flagmesh::stream
