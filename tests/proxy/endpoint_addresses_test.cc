#include "proxy/endpoint_addresses.h"

#include <gtest/gtest.h>

#include <string>

namespace flagmesh {
namespace {

TEST(LiteralAddress, LiteralsAndPathsNeedNobody) {
  EXPECT_EQ((*literal_address({.host = "192.0.2.1", .port = 80}))->text(), "192.0.2.1:80");
  EXPECT_EQ((*literal_address({.host = "2001:db8::1", .port = 80}))->text(), "[2001:db8::1]:80");
  EXPECT_EQ((*literal_address({.unix_path = "/run/x.sock"}))->text(), "unix:/run/x.sock");
}

TEST(LiteralAddress, NamesAreLeftToTheResolver) {
  for (const char* name : {"localhost", "web.default.svc.cluster.local", "192.0.2", "1.2.3.4.5"}) {
    const Result<std::optional<net::Address>> address = literal_address({.host = name, .port = 80});
    ASSERT_TRUE(address) << name;
    EXPECT_FALSE(address->has_value()) << name;
  }
}

TEST(LiteralAddress, APathThatIsTooLongIsAnError) {
  const Result<std::optional<net::Address>> address =
      literal_address({.unix_path = "/" + std::string(200, 'x')});
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().code, "bad_address");
}

}  // namespace
}  // namespace flagmesh
