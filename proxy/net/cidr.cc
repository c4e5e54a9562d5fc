#include "proxy/net/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace flagmesh::net {

namespace {

constexpr size_t kV4Bytes = 4;
constexpr size_t kMappedBytes = 12;  // ::ffff: before an IPv4 address

constexpr std::array<uint8_t, kMappedBytes> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<Ip> Ip::parse(std::string_view text) {
  std::array<char, kTextBytes> terminated;
  if (text.empty() || text.size() >= terminated.size() || text.contains('\0')) return std::nullopt;
  *std::ranges::copy(text, terminated.data()).out = '\0';
  Ip ip;
  if (inet_pton(AF_INET, terminated.data(), ip.bytes_.data()) == 1) {
    ip.v4_ = true;
    return ip;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (inet_pton(AF_INET6, terminated.data(), &v6.sin6_addr) != 1) return std::nullopt;
  return of(Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6));
}

std::optional<Ip> Ip::of(const Address& address) {
  Ip ip;
  if (address.family() == AF_INET) {
    memcpy(ip.bytes_.data(), &reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr,
           kV4Bytes);
    ip.v4_ = true;
    return ip;
  }
  if (address.family() != AF_INET6) return std::nullopt;
  const uint8_t* bytes = reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr.s6_addr;
  ip.v4_ = memcmp(bytes, kMapped.data(), kMappedBytes) == 0;
  if (ip.v4_) {
    memcpy(ip.bytes_.data(), bytes + kMappedBytes, kV4Bytes);
  } else {
    memcpy(ip.bytes_.data(), bytes, ip.bytes_.size());
  }
  return ip;
}

std::string_view Ip::text(std::span<char, kTextBytes> to) const {
  inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), to.data(), kTextBytes);
  return to.data();
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const std::string shown(text);
  const size_t slash = text.find('/');
  const std::optional<Ip> ip = Ip::parse(text.substr(0, slash));
  if (!ip)
    return fail("bad_cidr", "'" + shown + "' is no range of IP addresses", "",
                "write 10.0.0.0/8 or 2001:db8::/32");
  const uint8_t longest = ip->v4_ ? 32 : 128;
  Cidr range;
  range.first_ = *ip;
  range.bits_ = longest;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), range.bits_);
    const bool number = error == std::errc() && end == digits.data() + digits.size();
    if (!number || range.bits_ > longest) {
      return fail("bad_cidr",
                  "'" + shown + "' has no prefix length from 0 to " + std::to_string(longest), "",
                  "write 10.0.0.0/8 or 2001:db8::/32");
    }
  }
  Cidr masked = range;
  for (size_t bit = range.bits_; bit < longest; ++bit) {
    masked.first_.bytes_[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
  }
  if (masked.first_ != range.first_) {
    return fail("bad_cidr", "'" + shown + "' has bits set behind its prefix", "",
                "write " + masked.text());
  }
  return range;
}

bool Cidr::contains(const Ip& ip) const {
  if (ip.v4_ != first_.v4_) return false;
  const size_t whole = bits_ / 8;
  if (memcmp(ip.bytes_.data(), first_.bytes_.data(), whole) != 0) return false;
  const unsigned rest = bits_ % 8;
  return rest == 0 || ((ip.bytes_[whole] ^ first_.bytes_[whole]) >> (8 - rest)) == 0;
}

std::string Cidr::text() const {
  std::array<char, Ip::kTextBytes> text;
  return std::string(first_.text(text)) + "/" + std::to_string(bits_);
}

}  // namespace flagmesh::net
