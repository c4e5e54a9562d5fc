#include "proxy/net/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/net/crc32c.h"

namespace flagmesh::net {
namespace {

using Step = ProxyHeaderStep;

std::string byte(unsigned value) {
  return std::string(1, static_cast<char>(value));
}
std::string big_endian(unsigned value) {
  return byte(value >> 8) + byte(value & 0xff);
}

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kV4("\xc0\x00\x02\x07\xc6\x33\x64\x01\x13\x88\x01\xbb", 12);
const std::string kV6 = std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16) +
                        std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) +
                        big_endian(5000) + big_endian(443);
const std::string kUnix = "/run/a" + std::string(102, '\0') + "/run/b" + std::string(102, '\0');

std::string v2(unsigned command, unsigned family, const std::string& body) {
  return kSignature + byte(command) + byte(family) +
         big_endian(static_cast<unsigned>(body.size())) + body;
}
std::string tlv(unsigned type, const std::string& value) {
  return byte(type) + big_endian(static_cast<unsigned>(value.size())) + value;
}
// A header whose last TLV is the checksum of all of it, plus `error`.
std::string summed(const std::string& body, uint32_t error = 0) {
  std::string whole = v2(0x21, 0x11, body + tlv(3, std::string(4, '\0')));
  const uint32_t crc = crc32c(whole) + error;
  whole.resize(whole.size() - 4);
  return whole + big_endian(crc >> 16) + big_endian(crc & 0xffff);
}
std::string v1(const std::string& rest) {
  return "PROXY " + rest + "\r\n";
}

struct Case {
  const char* what;
  std::string bytes;
  Step step = Step::kBad;
  std::string source = "";  // empty: the addresses of the connection hold
  std::string destination = "";
};

std::vector<Case> cases() {
  const std::string v4_from = "192.0.2.7:5000";
  const std::string v4_to = "198.51.100.1:443";
  const std::string v6_from = "[2001:db8::7]:5000";
  const std::string v6_to = "[2001:db8::1]:443";
  const std::string long_v6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  return {
      // Version 1.
      {"TCP4", v1("TCP4 192.0.2.7 198.51.100.1 5000 443"), Step::kDone, v4_from, v4_to},
      {"TCP6", v1("TCP6 2001:db8::7 2001:db8::1 5000 443"), Step::kDone, v6_from, v6_to},
      {"the longest TCP6", v1("TCP6 " + long_v6 + " " + long_v6 + " 65535 65535"), Step::kDone,
       "[" + long_v6 + "]:65535", "[" + long_v6 + "]:65535"},
      {"port 0", v1("TCP4 192.0.2.7 198.51.100.1 0 443"), Step::kDone, "192.0.2.7:0", v4_to},
      {"unknown", v1("UNKNOWN"), Step::kDone},
      {"unknown with what is ignored", v1("UNKNOWN ffff:f...f:ffff  1 2 x"), Step::kDone},
      {"107 bytes", v1("UNKNOWN " + std::string(91, 'x')), Step::kDone},
      {"108 bytes", v1("UNKNOWN " + std::string(92, 'x'))},
      {"no end in 107 bytes", "PROXY UNKNOWN " + std::string(200, 'x')},
      {"LF alone", "PROXY UNKNOWN\n"},
      {"CR alone", "PROXY UNKNOWN \rx\r\n"},
      {"CR CR LF", "PROXY UNKNOWN\r\r\n"},
      {"nothing", v1("")},
      {"no protocol", "PROXY\r\n"},
      {"lower case", "proxy TCP4 192.0.2.7 198.51.100.1 5000 443\r\n"},
      {"unknown protocol", v1("UDP4 192.0.2.7 198.51.100.1 5000 443")},
      {"a prefix of unknown", v1("UNKNOW")},
      {"unknown and more", v1("UNKNOWNS")},
      {"wrong family", v1("TCP4 2001:db8::7 2001:db8::1 5000 443")},
      {"wrong family back", v1("TCP6 192.0.2.7 198.51.100.1 5000 443")},
      {"two families", v1("TCP6 2001:db8::7 198.51.100.1 5000 443")},
      {"two spaces", v1("TCP4  192.0.2.7 198.51.100.1 5000 443")},
      {"a space at the end", v1("TCP4 192.0.2.7 198.51.100.1 5000 443 ")},
      {"a tab", v1("TCP4 192.0.2.7\t198.51.100.1 5000 443")},
      {"one part too few", v1("TCP4 192.0.2.7 198.51.100.1 5000")},
      {"one part too many", v1("TCP4 192.0.2.7 198.51.100.1 5000 443 1")},
      {"leading zero in a port", v1("TCP4 192.0.2.7 198.51.100.1 05000 443")},
      {"port over 65535", v1("TCP4 192.0.2.7 198.51.100.1 65536 443")},
      {"signed port", v1("TCP4 192.0.2.7 198.51.100.1 +5000 443")},
      {"hexadecimal port", v1("TCP4 192.0.2.7 198.51.100.1 0x50 443")},
      {"short address", v1("TCP4 192.0.2 198.51.100.1 5000 443")},
      {"leading zero in an address", v1("TCP4 192.0.02.7 198.51.100.1 5000 443")},
      {"brackets", v1("TCP6 [2001:db8::7] 2001:db8::1 5000 443")},
      {"zone", v1("TCP6 fe80::1%lo 2001:db8::1 5000 443")},
      {"NUL", v1(std::string("TCP4 192.0.2.7\0 198.51.100.1 5000 443", 37))},
      // Version 2.
      {"local", v2(0x20, 0x00, ""), Step::kDone},
      {"local, its addresses are ignored", v2(0x20, 0x11, kV4), Step::kDone},
      {"local, so is its family", v2(0x20, 0x77, "whatever"), Step::kDone},
      {"unspecified", v2(0x21, 0x00, ""), Step::kDone},
      {"unspecified with TLV", v2(0x21, 0x00, tlv(4, "padding")), Step::kDone},
      {"TCP over IPv4", v2(0x21, 0x11, kV4), Step::kDone, v4_from, v4_to},
      {"UDP over IPv4", v2(0x21, 0x12, kV4), Step::kDone, v4_from, v4_to},
      {"TCP over IPv6", v2(0x21, 0x21, kV6), Step::kDone, v6_from, v6_to},
      {"UDP over IPv6", v2(0x21, 0x22, kV6), Step::kDone, v6_from, v6_to},
      {"Unix stream", v2(0x21, 0x31, kUnix), Step::kDone, "unix:/run/a", "unix:/run/b"},
      {"Unix datagram", v2(0x21, 0x32, kUnix), Step::kDone, "unix:/run/a", "unix:/run/b"},
      {"a Unix path without end", v2(0x21, 0x31, std::string(216, 'x')), Step::kDone,
       "unix:" + std::string(107, 'x'), "unix:" + std::string(107, 'x')},
      {"TLVs", v2(0x21, 0x11, kV4 + tlv(2, "shop.example") + tlv(0xE0, "") + tlv(0x20, "ssl")),
       Step::kDone, v4_from, v4_to},
      {"checksum", summed(kV4 + tlv(2, "shop.example")), Step::kDone, v4_from, v4_to},
      {"wrong checksum", summed(kV4, 1)},
      {"checksum twice", v2(0x21, 0x11, kV4 + tlv(3, "abcd") + tlv(3, "abcd"))},
      {"short checksum", v2(0x21, 0x11, kV4 + tlv(3, "abc"))},
      {"TLV over the end", v2(0x21, 0x11, kV4 + byte(4) + big_endian(3) + "ab")},
      {"half a TLV head", v2(0x21, 0x11, kV4 + byte(4) + byte(0))},
      {"addresses cut short", v2(0x21, 0x11, kV4.substr(0, 11))},
      {"IPv6 addresses cut short", v2(0x21, 0x21, kV4)},
      {"4096 bytes", v2(0x21, 0x11, kV4 + tlv(4, std::string(4096 - 16 - 12 - 3, 'x'))),
       Step::kDone, v4_from, v4_to},
      {"4097 bytes", v2(0x21, 0x11, kV4 + tlv(4, std::string(4097 - 16 - 12 - 3, 'x')))},
      {"command 2", v2(0x22, 0x11, kV4)},
      {"version 1 in binary", v2(0x11, 0x11, kV4)},
      {"version 3", v2(0x31, 0x11, kV4)},
      {"family 4", v2(0x21, 0x41, kV4)},
      {"protocol 3", v2(0x21, 0x13, kV4)},
      {"TCP of no family", v2(0x21, 0x01, kV4)},
      {"a family without protocol", v2(0x21, 0x10, kV4)},
      {"a wrong signature", "\r\n\r\n\r\nQUIT\n"},
      // No header at all.
      {"HTTP", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"POST looks like it for a byte", "POST / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"an empty line", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"TLS", std::string("\x16\x03\x01\x02\x00", 5)},
  };
}

void expect_outcome(const Case& c, const std::string& bytes, size_t piece) {
  ProxyHeader header;
  Step step = Step::kNeedMore;
  size_t shown = 0;
  while (step == Step::kNeedMore && shown < bytes.size()) {
    shown = std::min(shown + piece, bytes.size());
    step = parse_proxy_header(std::string_view(bytes).substr(0, shown), header);
  }
  ASSERT_EQ(step, c.step) << c.what << " in pieces of " << piece;
  if (step != Step::kDone) return;
  EXPECT_EQ(header.size, c.bytes.size()) << c.what;
  EXPECT_EQ(header.local, c.source.empty()) << c.what;
  if (header.local) return;
  EXPECT_EQ(header.source.text(), c.source) << c.what;
  EXPECT_EQ(header.destination.text(), c.destination) << c.what;
}

TEST(ProxyProtocol, TheSameHoweverItIsCut) {
  for (const Case& c : cases()) {
    for (const size_t piece : {1, 2, 3, 5, 7, 16, 100, 10'000}) {
      expect_outcome(c, c.bytes, piece);
      if (c.step == Step::kDone) expect_outcome(c, c.bytes + "GET / HTTP/1.1\r\n", piece);
    }
  }
}

TEST(ProxyProtocol, EveryPrefixOfAHeaderWaitsForMore) {
  for (const Case& c : cases()) {
    if (c.step != Step::kDone) continue;
    ProxyHeader header;
    for (size_t size = 0; size < c.bytes.size(); ++size) {
      ASSERT_EQ(parse_proxy_header(std::string_view(c.bytes).substr(0, size), header),
                Step::kNeedMore)
          << c.what << " " << size;
    }
  }
}

// Nobody waits for bytes that cannot mend it.
TEST(ProxyProtocol, RefusesEarly) {
  ProxyHeader header;
  for (const std::string& start :
       {std::string("G"), std::string("PROXZ"), std::string("\r\n\r\n\1", 5), kSignature + "\x22",
        kSignature + "\x21\x41", kSignature + "\x21\x11\x20", kSignature + "\x21\x11\xff\xff",
        kSignature + std::string("\x21\x11\0\x0b", 4)}) {
    const bool needs_length = start.ends_with("\x20");
    EXPECT_EQ(parse_proxy_header(start, header), needs_length ? Step::kNeedMore : Step::kBad)
        << start;
  }
}

}  // namespace
}  // namespace flagmesh::net
