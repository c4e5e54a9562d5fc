// A client's TLS handshake, before there is a session: bounded in time and in number.
#pragma once

#include <cstdint>

#include "proxy/base/buffer.h"
#include "proxy/event/timer.h"
#include "proxy/limits.h"
#include "proxy/net/connection.h"
#include "proxy/net/tls_failure.h"
#include "proxy/stream/session.h"
#include "proxy/stream/session_list.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh::stream {

// Owns itself: made by start(), deleted through the loop's deleter when the socket was handed to a session or closed. Handshakes over the
// limit wait in the order in which they came; who waits holds a descriptor and a timer, but nothing of TLS. On the worker's thread.
//
//   kProxyHeader -> kWaiting -> kShaking -> (session)      kProxyHeader only where the listener asks for one
class TlsAccept final : public ListedSession, private net::ConnectionHandler {
 public:
  // REQUIRES: listener->tls.
  static void start(WorkerContext& worker, SessionList& list, const ListenerRef& listener, int fd, const net::Address& peer);
  ~TlsAccept() override;

 private:
  enum class State : uint8_t { kProxyHeader, kWaiting, kShaking, kOver };

  TlsAccept(WorkerContext& worker, SessionList& list, const ListenerRef& listener, const net::Address& peer);

  // ListedSession: who is at the door when draining begins is let in, and told then.
  void close_when_idle() override { over(); }
  void expect_close() override {}
  void cut_off() override { over(); }

  // net::ConnectionHandler
  size_t on_bytes(std::string_view bytes) override;
  void on_connected() override;
  void on_close(net::CloseCause cause, int error) override;

  void on_timer();
  void shake_or_wait(int fd, std::string_view early);
  void shake(int fd, std::string_view early);
  void count(net::TlsFailure failure);
  void enqueue();
  void dequeue();
  void over();

  WorkerContext& worker_;
  SessionList& list_;
  Peer peer_;
  net::Connection connection_;
  event::Timer timer_;
  TlsAccept* wait_next_ = nullptr;
  TlsAccept* wait_previous_ = nullptr;
  Buffer early_;  // while waiting: bytes behind the PROXY header
  int fd_ = -1;   // while waiting
  State state_ = State::kProxyHeader;
};

}  // namespace flagmesh::stream
