#include "control/snapshot/trusted_time.h"

#include <gtest/gtest.h>

namespace flagmesh::snapshot {
namespace {

constexpr int64_t kNoon = 1'790'000'000'000;
constexpr int64_t kHour = 3'600'000;

TEST(TrustedTime, IsTheDateUntilSomethingIsProven) {
  const TrustedTime time;
  EXPECT_EQ(time.now(kNoon, 5), kNoon);
  EXPECT_EQ(time.limit(kNoon, 5), kNoon + kFutureMs);
}

TEST(TrustedTime, DateThatIsSetBackCountsForNothing) {
  TrustedTime time;
  time.verified(kNoon - 1'000, kNoon, 100);
  EXPECT_EQ(time.now(kNoon - kHour, 100), kNoon - 1'000);
  // From there the monotonic clock goes on.
  EXPECT_EQ(time.now(kNoon - kHour, 100 + 600'000), kNoon - 1'000 + 600'000);
  EXPECT_EQ(time.limit(kNoon - kHour, 100 + 600'000), kNoon - 1'000 + 600'000 + kFutureMs);
  // Heartbeats that go on are not from the future, however long the date stays back.
  for (MonoMs later = 0; later < 10 * kHour; later += 60'000) {
    const int64_t newest = kNoon + static_cast<int64_t>(later);
    ASSERT_LE(newest, time.limit(kNoon - kHour + static_cast<int64_t>(later), 100 + later));
    time.verified(newest, kNoon - kHour + static_cast<int64_t>(later), 100 + later);
  }
}

TEST(TrustedTime, DateThatIsSetForwardAndMendedLeavesNothingBehind) {
  TrustedTime time;
  time.verified(kNoon, kNoon, 0);
  EXPECT_EQ(time.now(kNoon + kHour, 10), kNoon + kHour);
  EXPECT_EQ(time.now(kNoon + 10, 10), kNoon + 10);
}

// A key that states times ahead of ours cannot pull the limit along.
TEST(TrustedTime, StatedTimesDoNotRatchet) {
  TrustedTime time;
  for (int i = 0; i < 100; ++i) time.verified(time.limit(kNoon, 0), kNoon, 0);
  EXPECT_EQ(time.limit(kNoon, 0), kNoon + kFutureMs);
  EXPECT_EQ(time.now(kNoon, 0), kNoon + kFutureMs);
}

TEST(TrustedTime, RestartKeepsTheNewest) {
  TrustedTime time;
  time.restore(kNoon, 7);
  EXPECT_EQ(time.now(kNoon - kHour, 7), kNoon);
  EXPECT_EQ(time.now(kNoon - kHour, 7 + 1'000), kNoon + 1'000);
  EXPECT_EQ(time.newest(), kNoon);
}

}  // namespace
}  // namespace flagmesh::snapshot
