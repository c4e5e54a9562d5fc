#include "proxy/net/tls_info.h"

#include <gtest/gtest.h>

namespace flagmesh::net {
namespace {

TEST(CertificateNames, CoversHostsInAnyCaseAndForm) {
  const CertificateNames names({"Shop.test", "*.shop.test", "10.0.0.1", "2001:db8::1"});
  for (const char* host : {"shop.test", "SHOP.TEST", "shop.test.", "shop.test:8443", "a.shop.test", "A.Shop.Test:1", "10.0.0.1",
                           "10.0.0.1:443", "[2001:db8::1]", "[2001:db8::1]:443"}) {
    EXPECT_TRUE(names.covers(host)) << host;
  }
  for (const char* host : {"", ":443", "test", "a.b.shop.test", ".shop.test", "xshop.test", "shop.test.evil", "10.0.0.2", "[2001:db8::2]", "*",
                           "[", "[]", "."}) {
    EXPECT_FALSE(names.covers(host)) << host;
  }
  EXPECT_FALSE(names.covers(std::string(300, 'a') + ".shop.test"));
}

TEST(CertificateNames, OfNothingCoverNothing) { EXPECT_FALSE(CertificateNames({}).covers("shop.test")); }

TEST(TlsInfo, WithoutNamesCoversEverything) { EXPECT_TRUE(TlsInfo().covers("any.test")); }

}  // namespace
}  // namespace flagmesh::net
