#include "proxy/stream/listener_settings.h"

#include <gtest/gtest.h>

namespace flagmesh::stream {
namespace {

net::Address at(const char* text) {
  return *net::Address::parse(text);
}

TEST(ListenerSettings, WhoIsBelieved) {
  ListenerSettings settings;
  EXPECT_FALSE(settings.believes(at("127.0.0.1:1")));
  EXPECT_FALSE(settings.believes(at("unix:/x")));
  settings.trusted_proxies = {*net::Cidr::parse("10.0.0.0/8")};
  EXPECT_TRUE(settings.believes(at("10.1.2.3:1")));
  EXPECT_TRUE(settings.believes(at("[::ffff:10.1.2.3]:1")));
  EXPECT_FALSE(settings.believes(at("11.1.2.3:1")));
  EXPECT_FALSE(settings.believes(at("unix:/x")));
  settings.trust_unix = true;
  EXPECT_TRUE(settings.believes(at("unix:/x")));
}

TEST(ListenerSettings, HopsAloneBelieveEverybody) {
  ListenerSettings settings;
  settings.trusted_hops = 1;
  EXPECT_TRUE(settings.believes(at("203.0.113.9:1")));
  EXPECT_TRUE(settings.believes(at("unix:/x")));
  settings.trust_unix = true;
  EXPECT_FALSE(settings.believes(at("203.0.113.9:1")));
  settings.trusted_proxies = {*net::Cidr::parse("10.0.0.0/8")};
  EXPECT_FALSE(settings.believes(at("203.0.113.9:1")));
  // The balancer was in the ranges; the address is the one that it gave.
  settings.proxy_protocol = true;
  EXPECT_TRUE(settings.believes(at("203.0.113.9:1")));
  settings.trusted_hops = 0;
  EXPECT_FALSE(settings.believes(at("203.0.113.9:1")));
}

TEST(ListenerSettings, Via) {
  EXPECT_EQ(ListenerSettings().via[1], "1.1 flagmesh");
  EXPECT_EQ(ListenerSettings::via_lines("edge:80")[0], "1.0 edge:80");
  EXPECT_EQ(ListenerSettings::via_lines("")[2], "");
}

TEST(ListenerRef, LastsAsLongAsItsHolders) {
  ListenerRef first{ListenerSettings{.trusted_hops = 1}};
  ListenerRef second = first;
  first = ListenerRef(ListenerSettings{.trusted_hops = 2});
  EXPECT_EQ(second->trusted_hops, 1);
  EXPECT_EQ((*first).trusted_hops, 2);
  first = first;  // NOLINT
  EXPECT_EQ(first->trusted_hops, 2);
  EXPECT_EQ(sizeof(ListenerRef), 8U);
}

}  // namespace
}  // namespace flagmesh::stream
