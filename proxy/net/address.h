// Socket addresses: IPv4, IPv6 and Unix paths, as text and as the kernel has them.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace flagmesh::net {

class Address {
 public:
  Address() = default;

  // "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock"; no names (see event/resolver.h). Port 0 is allowed.
  static Result<Address> parse(std::string_view text);
  // An IP address without brackets, and a port.
  static Result<Address> from_ip(std::string_view ip, uint16_t port);
  static Address from_sockaddr(const sockaddr* address, socklen_t length);

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return length_; }
  int family() const { return storage_.ss_family; }
  bool is_unix() const { return family() == AF_UNIX; }
  bool is_loopback() const;
  uint16_t port() const;  // 0 for Unix sockets

  // "127.0.0.1", "::1", the path of a Unix socket. An IPv4-mapped IPv6 address is shown as IPv4.
  std::string ip() const;
  // The form that parse() takes.
  std::string text() const;

  bool operator==(const Address& other) const;

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

}  // namespace flagmesh::net
