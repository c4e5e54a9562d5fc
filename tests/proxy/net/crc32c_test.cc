#include "proxy/net/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace flagmesh::net {
namespace {

// RFC 3720 §B.4, and the check value of the catalogue of parametrised CRCs.
TEST(Crc32c, KnownValues) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
}

TEST(Crc32c, GoesOnWhereItWas) {
  EXPECT_EQ(crc32c("6789", crc32c("12345")), crc32c("123456789"));
}

}  // namespace
}  // namespace flagmesh::net
