// IP addresses as bytes, and ranges of them (RFC 4632, RFC 4291 §2.3).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/net/address.h"

namespace flagmesh::net {

// An IPv4-mapped IPv6 address is the IPv4 address. Parsing and writing allocate nothing.
class Ip {
 public:
  static constexpr size_t kTextBytes = 46;  // INET6_ADDRSTRLEN

  // "192.0.2.7", "2001:db8::1": no port, brackets or zone.
  static std::optional<Ip> parse(std::string_view text);
  // Nothing for a Unix socket.
  static std::optional<Ip> of(const Address& address);

  bool is_v4() const { return v4_; }
  // The one canonical text (RFC 5952), written into `to`.
  std::string_view text(std::span<char, kTextBytes> to) const;

  bool operator==(const Ip&) const = default;

 private:
  friend class Cidr;
  std::array<uint8_t, 16> bytes_{};  // IPv4: the first four
  bool v4_ = false;
};

// A range never spans both families: ::/0 has no IPv4 address in it.
class Cidr {
 public:
  // "10.0.0.0/8", "2001:db8::/32", or one address without a length. Code "bad_cidr", with the mend;
  // bits behind the prefix must be zero, as nobody means them.
  static Result<Cidr> parse(std::string_view text);

  bool contains(const Ip& ip) const;
  std::string text() const;

  bool operator==(const Cidr&) const = default;

 private:
  Ip first_;
  uint8_t bits_ = 0;
};

}  // namespace flagmesh::net
