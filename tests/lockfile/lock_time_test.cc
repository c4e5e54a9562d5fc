#include "lockfile/lock_time.h"

#include <gtest/gtest.h>

namespace flagmesh::lockfile {
namespace {

TEST(LockTime, BothWays) {
  const std::pair<int64_t, const char*> kTimes[] = {{0, "1970-01-01T00:00:00Z"},
                                                    {951782400, "2000-02-29T00:00:00Z"},
                                                    {1796083199, "2026-11-30T23:59:59Z"},
                                                    {kLastTime, "9999-12-31T23:59:59Z"}};
  for (const auto& [seconds, text] : kTimes) {
    EXPECT_EQ(format_time(seconds), text);
    EXPECT_EQ(parse_time(text).value(), seconds);
  }
}

TEST(LockTime, HasOneSpelling) {
  for (const char* bad :
       {"", "2026-12-01", "2026-12-01T00:00:00", "2026-12-01t00:00:00z",
        "2026-12-01T00:00:00+00:00", "2026-12-01T24:00:00Z", "2026-12-01T00:60:00Z",
        "2026-12-01T00:00:60Z", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z",
        "1969-12-31T23:59:59Z", " 026-12-01T00:00:00Z", "2026-12-00T00:00:00Z"})
    EXPECT_EQ(parse_time(bad).error().code, "bad_time") << bad;
}

}  // namespace
}  // namespace flagmesh::lockfile
