// A listening socket of one worker: accepts in batches and hands descriptors on.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "proxy/base/result.h"
#include "proxy/event/loop.h"
#include "proxy/base/counter.h"
#include "proxy/net/address.h"
#include "proxy/net/descriptor_reserve.h"
#include "proxy/net/listen_socket.h"

namespace flagmesh::net {

// Probes of silent connections by the kernel; zeros: as its settings (net.ipv4.tcp_keepalive_*) say. Seconds.
struct TcpKeepalive {
  bool on = true;
  uint32_t idle = 0;
  uint32_t interval = 0;
  uint32_t count = 0;

  bool operator==(const TcpKeepalive&) const = default;
};

struct ListenOptions {
  bool reuse_port = true;  // one socket per worker on the same port; the kernel spreads connections
  bool ipv6_only = true;   // an IPv6 socket takes no IPv4 clients
  int backlog = 4096;      // cut to net.core.somaxconn by the kernel
  int mode = -1;           // permissions of a Unix socket's file; -1: as the umask says
  TcpKeepalive keepalive = {};

  bool operator==(const ListenOptions&) const = default;
};

// A non-blocking listening socket (an old Unix socket file that nobody listens on is replaced). Errors name the address and the cause.
Result<int> listen_on(const Address& address, const ListenOptions& options);
// Makes an open listening socket follow the options that can change: backlog, mode, keepalive of connections from now on. Fails
// when the others differ from what it has (the first ones are set all the same).
Status adjust_listening(int fd, const ListenOptions& options);
// The address a socket is bound to (the port when it was 0).
Result<Address> bound_address(int fd);

// On the loop's thread; one of those who hold the socket.
class Listener final : private event::IoHandler {
 public:
  // `fd`: non-blocking, close-on-exec, TCP_NODELAY set. The callee owns it.
  using OnAccept = std::function<void(int fd, const Address& peer)>;

  Listener(event::Loop& loop, std::shared_ptr<ListenSocket> socket, OnAccept on_accept);
  // Owns `fd`.
  Listener(event::Loop& loop, int fd, OnAccept on_accept)
      : Listener(loop, std::make_shared<ListenSocket>(fd), std::move(on_accept)) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  // When no descriptor is left, who waits is told so (with what `answer` gives then, and counted) instead of waiting for ever. Both
  // outlive the listener.
  void refuse_with(DescriptorReserve& reserve, std::function<std::string()> answer, Counter& refused);

  Status start();
  const std::shared_ptr<ListenSocket>& socket() const { return socket_; }
  // Takes in all that the kernel has queued, then lets the socket go: nobody who got through the handshake is reset.
  void drain_and_close();
  // Lets it go as it is: another process accepts from it.
  void release();
  // Stops accepting for a moment (too many connections); connections wait in the kernel's queue.
  void pause();
  void resume();

 private:
  static constexpr MonoMs kOutOfDescriptorsPauseMs = 100;
  // Clients that are told so between two pauses.
  static constexpr unsigned kRefusals = 64;

  void on_io(bool readable, bool writable, bool closed) override;
  // False when nothing is queued or descriptors ran out.
  bool accept_one();
  void out_of_descriptors();

  event::Loop& loop_;
  std::shared_ptr<ListenSocket> socket_;  // null: closed
  OnAccept on_accept_;
  event::Io io_;
  event::Timer retry_;
  DescriptorReserve* reserve_ = nullptr;
  std::function<std::string()> answer_;
  Counter* refused_ = nullptr;
};

}  // namespace flagmesh::net
