// A listening socket that several may hold: the workers that accept from it, and the main thread,
// which hands it to a successor. It is closed with its last holder, and only then is its queue
// lost.
#pragma once

#include <memory>

#include "proxy/base/result.h"
#include "proxy/net/address.h"

namespace flagmesh::net {

// Thread-safe.
class ListenSocket {
 public:
  // Owns `fd`, which listens.
  explicit ListenSocket(int fd);
  ListenSocket(const ListenSocket&) = delete;
  ListenSocket& operator=(const ListenSocket&) = delete;
  ~ListenSocket();

  // A descriptor that came from another process; it is closed when it is no listening stream socket
  // (code "listen").
  static Result<std::shared_ptr<ListenSocket>> adopt(int fd);

  int fd() const { return fd_; }
  // Where it listens: the port is the real one when 0 was asked for.
  const Address& address() const { return address_; }

  // Nobody gets into the queue any more, so that it can be emptied and closed without resetting
  // anybody. TCP: new SYNs are dropped (their senders try again and are refused once this is
  // closed), handshakes under way end well; give them a moment (kHandshakeMs) before the last look.
  // Unix: refused at once, and the file goes. For every process that has the socket.
  void quiesce();
  // Round trips that are longer find a closed socket (a reset).
  static constexpr unsigned kHandshakeMs = 500;

 private:
  void remove_file() const;

  int fd_;
  Address address_;
  uint64_t device_ = 0;  // of a Unix socket's file, so that nobody else's is removed
  uint64_t inode_ = 0;
};

}  // namespace flagmesh::net
