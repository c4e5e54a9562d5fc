#include "proxy/stream/tls_accept.h"

#include <unistd.h>

#include <utility>

#include "proxy/net/proxy_protocol.h"
#include "proxy/stream/session_start.h"

namespace flagmesh::stream {

TlsAccept::TlsAccept(WorkerContext& worker, SessionList& list, const ListenerRef& listener, const net::Address& peer)
    : worker_(worker),
      list_(list),
      peer_(peer, listener),
      connection_(worker.io, *this),
      timer_([](void* self) { static_cast<TlsAccept*>(self)->on_timer(); }, this) {
  list_.add(*this);
  worker_.stats.connections.add();  // a drain waits for it
}

TlsAccept::~TlsAccept() {
  list_.remove(*this);
  worker_.stats.connections.sub();
}

void TlsAccept::start(WorkerContext& worker, SessionList& list, const ListenerRef& listener, int fd, const net::Address& peer) {
  worker.stats.connections_accepted.add();
  if (listener->proxy_protocol && !listener->is_trusted_proxy(peer)) {
    worker.stats.connections_refused.add();
    ::close(fd);
    return;
  }
  auto* accept = new TlsAccept(worker, list, listener, peer);
  if (!accept->peer_.place.take(worker, *listener)) {
    delete accept;
    ::close(fd);
    return;
  }
  event::Loop& loop = worker.io.loop();
  accept->timer_.set(loop.timers(), loop.now_ms() + worker.timeouts.tls_handshake);
  if (!listener->proxy_protocol) {
    accept->shake_or_wait(fd, {});
  } else if (!accept->connection_.start(fd)) {
    accept->over();
  }
}

// What a balancer says in clear text before the client's first byte.
size_t TlsAccept::on_bytes(std::string_view bytes) {
  net::ProxyHeader header;
  switch (net::parse_proxy_header(bytes, header)) {
    case net::ProxyHeaderStep::kNeedMore: return 0;
    case net::ProxyHeaderStep::kBad:
      worker_.stats.connections_refused.add();
      over();
      return bytes.size();
    case net::ProxyHeaderStep::kDone: break;
  }
  if (!header.local) {
    peer_.replace(header.source);
  }
  shake_or_wait(connection_.detach().fd, bytes.substr(header.size));
  return bytes.size();
}

void TlsAccept::shake_or_wait(int fd, std::string_view early) {
  Handshakes& all = worker_.handshakes;
  if (all.running < all.max) {
    shake(fd, early);
    return;
  }
  fd_ = fd;
  early_.append(early);
  enqueue();
  worker_.stats.tls_handshakes_waited.add();
}

void TlsAccept::shake(int fd, std::string_view early) {
  state_ = State::kShaking;
  ++worker_.handshakes.running;
  std::unique_ptr<net::Transport> transport = peer_.listener->tls->accept();
  if (transport == nullptr) {
    ::close(fd);
    over();
    return;
  }
  if (!early.empty()) transport->unread(early);
  connection_.be_patient();
  if (!connection_.start_handshake(fd, std::move(transport))) over();
}

void TlsAccept::on_connected() {
  net::Connection::Detached socket = connection_.detach();
  peer_.tls = true;
  peer_.tls_info = socket.transport->take_info();
  worker_.stats.tls_handshakes.add();
  if (peer_.tls_info->resumed) worker_.stats.tls_resumed.add();
  start_session(worker_, list_, std::move(peer_), socket.fd, std::move(socket.transport));
  over();
}

void TlsAccept::on_close(net::CloseCause, int error) {
  if (state_ == State::kShaking) {
    const net::TlsFailure failure = net::tls_failure_of(error);
    count(failure == net::TlsFailure::kNone ? net::TlsFailure::kClosed : failure);
  }
  over();
}

void TlsAccept::on_timer() {
  count(net::TlsFailure::kTimeout);
  over();
}

void TlsAccept::count(net::TlsFailure failure) { worker_.stats.tls_failures.add(net::tls_failure_name(failure)); }

void TlsAccept::enqueue() {
  Handshakes& all = worker_.handshakes;
  state_ = State::kWaiting;
  wait_previous_ = all.last_waiting;
  (wait_previous_ != nullptr ? wait_previous_->wait_next_ : all.first_waiting) = this;
  all.last_waiting = this;
}

void TlsAccept::dequeue() {
  Handshakes& all = worker_.handshakes;
  (wait_previous_ != nullptr ? wait_previous_->wait_next_ : all.first_waiting) = wait_next_;
  (wait_next_ != nullptr ? wait_next_->wait_previous_ : all.last_waiting) = wait_previous_;
  wait_next_ = wait_previous_ = nullptr;
}

void TlsAccept::over() {
  if (state_ == State::kOver) return;
  Handshakes& all = worker_.handshakes;
  const State was = std::exchange(state_, State::kOver);
  if (was == State::kWaiting) {
    dequeue();
    ::close(fd_);
  }
  timer_.cancel();
  connection_.close();
  worker_.io.loop().deleter().push(std::unique_ptr<event::DeferredDeletable>(this));
  if (was != State::kShaking) return;
  --all.running;
  TlsAccept* next = all.first_waiting;
  if (next == nullptr) return;
  next->dequeue();
  const Buffer early = std::move(next->early_);
  next->shake(std::exchange(next->fd_, -1), early.view());
}

}  // namespace flagmesh::stream
