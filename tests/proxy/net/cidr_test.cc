#include "proxy/net/cidr.h"

#include <gtest/gtest.h>

namespace flagmesh::net {
namespace {

bool in(const char* range, const char* ip) {
  return Cidr::parse(range).value().contains(Ip::parse(ip).value());
}

TEST(Ip, ReadsAndWritesTheCanonicalText) {
  const std::pair<const char*, const char*> kTexts[] = {
      {"192.0.2.7", "192.0.2.7"},        {"::1", "::1"},         {"2001:DB8:0::0:7", "2001:db8::7"},
      {"::ffff:192.0.2.7", "192.0.2.7"}, {"0.0.0.0", "0.0.0.0"}, {"::", "::"},
  };
  for (const auto& [text, canonical] : kTexts) {
    const std::optional<Ip> ip = Ip::parse(text);
    ASSERT_TRUE(ip) << text;
    std::array<char, Ip::kTextBytes> to;
    EXPECT_EQ(ip->text(to), canonical);
    EXPECT_EQ(Ip::parse(canonical), ip);
  }
}

TEST(Ip, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", " ", "1.2.3", "1.2.3.4 ", "1.2.3.04", "256.1.1.1", "1.2.3.4:80", "[::1]", "::1%eth0",
        "fe80::1%1", "host", "unknown", "1.2.3.4/8", "2001:db8:::1"}) {
    EXPECT_FALSE(Ip::parse(text)) << text;
  }
  EXPECT_FALSE(Ip::parse(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(Ip::parse(std::string(500, '1')));
}

TEST(Ip, OfAnAddress) {
  EXPECT_EQ(Ip::of(*Address::parse("192.0.2.7:80")), Ip::parse("192.0.2.7"));
  EXPECT_EQ(Ip::of(*Address::parse("[::ffff:192.0.2.7]:80")), Ip::parse("192.0.2.7"));
  EXPECT_EQ(Ip::of(*Address::parse("[2001:db8::7]:80")), Ip::parse("2001:db8::7"));
  EXPECT_FALSE(Ip::of(*Address::parse("unix:/run/x")));
}

TEST(Cidr, Contains) {
  EXPECT_TRUE(in("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(in("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(in("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_TRUE(in("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(in("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(in("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(in("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(in("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(in("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(in("::1", "::1"));
  EXPECT_FALSE(in("::1", "::2"));
}

TEST(Cidr, ARangeIsOfOneFamily) {
  EXPECT_TRUE(in("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(in("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(in("::/0", "2001:db8::1"));
  EXPECT_FALSE(in("::/0", "203.0.113.9"));
}

TEST(Cidr, RefusesWithAMend) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                           "::/129", "host/8", "10.0.0.0/8/8", "10.0.0.0/ 8", "10.0.0.0/256"}) {
    const Result<Cidr> range = Cidr::parse(text);
    ASSERT_FALSE(range) << text;
    EXPECT_EQ(range.error().code, "bad_cidr");
    EXPECT_EQ(range.error().mend, "write 10.0.0.0/8 or 2001:db8::/32") << text;
  }
  EXPECT_EQ(Cidr::parse("10.1.2.3/8").error().mend, "write 10.0.0.0/8");
  EXPECT_EQ(Cidr::parse("2001:db8::1/32").error().mend, "write 2001:db8::/32");
}

}  // namespace
}  // namespace flagmesh::net
