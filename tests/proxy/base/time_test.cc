#include "proxy/base/time.h"

#include <gtest/gtest.h>

namespace flagmesh {
namespace {

TEST(Time, HttpDate) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110 §5.6.7
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(http_date(253402300799).size(), 29u);
}

TEST(Time, Rfc3339) {
  EXPECT_EQ(rfc3339_millis(784111777042), "1994-11-06T08:49:37.042Z");
  EXPECT_EQ(rfc3339_millis(0), "1970-01-01T00:00:00.000Z");
}

TEST(Time, ClocksAgree) {
  const MonoNs before = mono_ns();
  EXPECT_GE(mono_ns(), before);
  EXPECT_GE(mono_ms(), before / 1'000'000);
  const int64_t seconds = unix_seconds();
  EXPECT_GE(unix_millis() / 1000, seconds);
  EXPECT_GT(seconds, 1'600'000'000);
}

}  // namespace
}  // namespace flagmesh
