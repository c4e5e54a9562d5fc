#include "proxy/net/proxy_protocol.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "proxy/net/crc32c.h"

namespace flagmesh::net {

namespace {

using Step = ProxyHeaderStep;

// --- Version 1
// ---------------------------------------------------------------------------------------------------------

constexpr std::string_view kV1Start = "PROXY ";
constexpr std::string_view kV1Unknown = "UNKNOWN";

// One of the line's parts, and the space behind it.
std::string_view take_part(std::string_view& line) {
  const size_t space = std::min(line.find(' '), line.size());
  const std::string_view part = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return part;
}

bool parse_port(std::string_view text, uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool leading_zero = text.size() > 1 && text[0] == '0';
  return error == std::errc() && end == text.data() + text.size() && !leading_zero;
}

bool parse_v1_address(std::string_view ip, std::string_view port_text, int family, Address& out) {
  uint16_t port = 0;
  if (ip.contains('\0') || !parse_port(port_text, port)) return false;
  const Result<Address> address = Address::from_ip(ip, port);
  if (!address || address->family() != family) return false;
  out = *address;
  return true;
}

// `line` is what is between "PROXY " and the CR LF.
bool parse_v1_line(std::string_view line, ProxyHeader& header) {
  if (line.contains('\r')) return false;
  const bool spaced = !line.ends_with(' ');
  const std::string_view protocol = take_part(line);
  if (protocol == kV1Unknown) return true;  // whatever follows is to be ignored (§2.1)
  const int family = protocol == "TCP4" ? AF_INET : protocol == "TCP6" ? AF_INET6 : AF_UNSPEC;
  if (family == AF_UNSPEC) return false;
  const std::string_view source = take_part(line);
  const std::string_view destination = take_part(line);
  const std::string_view source_port = take_part(line);
  const std::string_view destination_port = take_part(line);
  header.local = false;
  return spaced && line.empty() && parse_v1_address(source, source_port, family, header.source) &&
         parse_v1_address(destination, destination_port, family, header.destination);
}

Step parse_v1(std::string_view bytes, ProxyHeader& header) {
  const std::string_view window = bytes.substr(0, kProxyV1Bytes);
  const size_t line_feed = window.find('\n');
  if (line_feed == std::string_view::npos) {
    // A CR that is not the last byte so far has no LF behind it.
    const bool bare = window.substr(0, window.size() - 1).contains('\r');
    return bare || window.size() == kProxyV1Bytes ? Step::kBad : Step::kNeedMore;
  }
  if (line_feed < kV1Start.size() + 1 || window[line_feed - 1] != '\r') return Step::kBad;
  header.size = line_feed + 1;
  const std::string_view line = window.substr(kV1Start.size(), line_feed - 1 - kV1Start.size());
  return parse_v1_line(line, header) ? Step::kDone : Step::kBad;
}

// --- Version 2
// ---------------------------------------------------------------------------------------------------------

constexpr std::string_view kV2Signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kV2FixedBytes = 16;
constexpr uint8_t kLocal = 0x20;
constexpr uint8_t kProxy = 0x21;
constexpr uint8_t kTlvCrc32c = 0x03;
constexpr size_t kUnixPathBytes = 108;

uint8_t byte_at(std::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

size_t number_at(std::string_view bytes, size_t at) {
  return static_cast<size_t>(byte_at(bytes, at)) << 8 | byte_at(bytes, at + 1);
}

bool is_known_family(uint8_t family) {
  switch (family) {
    case 0x00:  // unspecified
    case 0x11:
    case 0x12:  // TCP, UDP over IPv4
    case 0x21:
    case 0x22:  // over IPv6
    case 0x31:
    case 0x32:
      return true;  // Unix stream, datagram
    default:
      return false;
  }
}

// Of both addresses and ports together.
size_t address_bytes(uint8_t family) {
  switch (family >> 4) {
    case 1:
      return 12;
    case 2:
      return 36;
    case 3:
      return 2 * kUnixPathBytes;
    default:
      return 0;
  }
}

Address v4_address(const char* ip, const char* port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  memcpy(&v4.sin_addr, ip, sizeof v4.sin_addr);
  memcpy(&v4.sin_port, port, sizeof v4.sin_port);
  return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
}

Address v6_address(const char* ip, const char* port) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  memcpy(&v6.sin6_addr, ip, sizeof v6.sin6_addr);
  memcpy(&v6.sin6_port, port, sizeof v6.sin6_port);
  return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
}

Address unix_address(const char* path) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  memcpy(un.sun_path, path, sizeof un.sun_path - 1);  // stays terminated
  return Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&un), sizeof un);
}

void read_addresses(uint8_t family, const char* block, ProxyHeader& header) {
  header.local = family == 0;
  switch (family >> 4) {
    case 1:
      header.source = v4_address(block, block + 8);
      header.destination = v4_address(block + 4, block + 10);
      break;
    case 2:
      header.source = v6_address(block, block + 32);
      header.destination = v6_address(block + 16, block + 34);
      break;
    case 3:
      header.source = unix_address(block);
      header.destination = unix_address(block + kUnixPathBytes);
      break;
    default:
      break;
  }
}

// The value of the TLV at `at` is the checksum of the whole header with that value as zeros.
bool checksum_holds(std::string_view whole, size_t at) {
  static constexpr std::string_view kZeros("\0\0\0\0", 4);
  uint32_t crc = crc32c(whole.substr(0, at));
  crc = crc32c(kZeros, crc);
  crc = crc32c(whole.substr(at + kZeros.size()), crc);
  const size_t told = number_at(whole, at) << 16 | number_at(whole, at + 2);
  return told == crc;
}

bool check_tlvs(std::string_view whole, size_t at) {
  static constexpr size_t kTlvHead = 3;
  bool summed = false;
  while (at < whole.size()) {
    if (whole.size() - at < kTlvHead) return false;
    const uint8_t type = byte_at(whole, at);
    const size_t length = number_at(whole, at + 1);
    at += kTlvHead;
    if (whole.size() - at < length) return false;
    if (type == kTlvCrc32c) {
      if (summed || length != 4 || !checksum_holds(whole, at)) return false;
      summed = true;
    }
    at += length;
  }
  return true;
}

Step parse_v2(std::string_view bytes, ProxyHeader& header) {
  static constexpr size_t kCommandAt = 12;
  static constexpr size_t kFamilyAt = 13;
  static constexpr size_t kLengthAt = 14;
  if (bytes.size() <= kCommandAt) return Step::kNeedMore;
  const uint8_t command = byte_at(bytes, kCommandAt);
  if (command != kLocal && command != kProxy) return Step::kBad;
  if (bytes.size() <= kFamilyAt) return Step::kNeedMore;
  const uint8_t family = byte_at(bytes, kFamilyAt);
  if (command == kProxy && !is_known_family(family)) return Step::kBad;
  if (bytes.size() < kV2FixedBytes) return Step::kNeedMore;
  const size_t length = number_at(bytes, kLengthAt);
  const size_t size = kV2FixedBytes + length;
  if (size > kProxyV2Bytes || (command == kProxy && length < address_bytes(family)))
    return Step::kBad;
  if (bytes.size() < size) return Step::kNeedMore;
  header.size = size;
  if (command == kLocal) return Step::kDone;  // its family and addresses are to be ignored (§2.2)
  const std::string_view whole = bytes.substr(0, size);
  read_addresses(family, whole.data() + kV2FixedBytes, header);
  return check_tlvs(whole, kV2FixedBytes + address_bytes(family)) ? Step::kDone : Step::kBad;
}

// `bytes` begins as `start` does, as far as both go.
bool begins_as(std::string_view bytes, std::string_view start) {
  const size_t size = std::min(bytes.size(), start.size());
  return bytes.substr(0, size) == start.substr(0, size);
}

}  // namespace

ProxyHeaderStep parse_proxy_header(std::string_view bytes, ProxyHeader& header) {
  header = {};
  if (bytes.empty()) return Step::kNeedMore;
  if (begins_as(bytes, kV1Start)) return parse_v1(bytes, header);
  if (begins_as(bytes, kV2Signature)) return parse_v2(bytes, header);
  return Step::kBad;
}

}  // namespace flagmesh::net
