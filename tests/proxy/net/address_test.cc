#include "proxy/net/address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

namespace flagmesh::net {
namespace {

TEST(Address, TextsThatItReadsItWritesAgain) {
  for (const char* text :
       {"127.0.0.1:80", "0.0.0.0:0", "[::1]:65535", "[2001:db8::5]:443", "unix:/run/x.sock"}) {
    const Result<Address> address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
    EXPECT_EQ(*Address::parse(address->text()), *address);
  }
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text :
       {"", ":", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:8x", "::1:80", "[::1]", "[::1:80", "256.0.0.1:1", "127.1:80", "unix:"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
  EXPECT_FALSE(Address::parse("unix:" + std::string(108, 'x')));
  EXPECT_TRUE(Address::parse("unix:" + std::string(107, 'x')));
}

TEST(Address, SaysHowToWriteIPv6) {
  const Result<Address> address = Address::parse("2001:db8::1:80");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().mend, "write [2001:db8::1]:80");
}

TEST(Address, Loopback) {
  EXPECT_TRUE(Address::parse("127.8.9.1:1")->is_loopback());
  EXPECT_TRUE(Address::parse("[::1]:1")->is_loopback());
  EXPECT_TRUE(Address::parse("unix:/x")->is_loopback());
  EXPECT_FALSE(Address::parse("128.0.0.1:1")->is_loopback());
  EXPECT_FALSE(Address::parse("[::2]:1")->is_loopback());
}

TEST(Address, AMappedClientLooksLikeIPv4) {
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  const Address inner = *Address::from_ip("::ffff:192.0.2.7", 99);
  memcpy(&mapped, inner.data(), inner.size());
  const Address address =
      Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&mapped), sizeof mapped);
  EXPECT_EQ(address.ip(), "192.0.2.7");
  EXPECT_EQ(address.text(), "192.0.2.7:99");
}

// Regression: a client on a dual-stack listener is as local as one over IPv4.
TEST(Address, AMappedLoopbackIsLoopback) {
  EXPECT_TRUE(Address::from_ip("::ffff:127.0.0.1", 1)->is_loopback());
  EXPECT_FALSE(Address::from_ip("::ffff:192.0.2.7", 1)->is_loopback());
}

TEST(Address, EqualByWhatTheyAreNotByHowTheyWereWritten) {
  EXPECT_EQ(*Address::parse("[0:0:0:0:0:0:0:1]:5"), *Address::parse("[::1]:5"));
  EXPECT_FALSE(*Address::parse("127.0.0.1:5") == *Address::parse("127.0.0.1:6"));
  EXPECT_FALSE(Address() == *Address::parse("127.0.0.1:5"));
}

}  // namespace
}  // namespace flagmesh::net
