#include "proxy/upstream/lease.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace flagmesh::upstream {
namespace {

TEST(Lease, NeverMoreThanTheLimit) {
  LimitPool pool(10, 2);
  Lease a(pool);
  Lease b(pool);
  int got = 0;
  while (a.acquire() || b.acquire()) ++got;
  EXPECT_EQ(got, 10);
}

TEST(Lease, ZeroAdmitsNobody) {
  LimitPool pool(0, 2);
  Lease lease(pool);
  EXPECT_FALSE(lease.acquire());
}

// Regression: a worker kept the only place of a small limit after its request had ended, and no
// other could ever have it.
TEST(Lease, AFreePlaceOfASmallLimitIsFreeForEveryWorker) {
  for (const uint32_t limit : {1U, 3U, 16U}) {
    LimitPool pool(limit, 8);
    Lease first(pool);
    for (uint32_t i = 0; i < limit; ++i) ASSERT_TRUE(first.acquire());
    Lease second(pool);
    EXPECT_FALSE(second.acquire());
    for (uint32_t i = 0; i < limit; ++i) first.release();
    for (uint32_t i = 0; i < limit; ++i) EXPECT_TRUE(second.acquire()) << i << " of " << limit;
  }
}

TEST(Lease, AWorkerKeepsLittleOfALargeLimit) {
  LimitPool pool(1024, 2);
  Lease busy(pool);
  for (int i = 0; i < 1024; ++i) ASSERT_TRUE(busy.acquire());
  for (int i = 0; i < 1024; ++i) busy.release();
  Lease other(pool);
  int got = 0;
  while (other.acquire()) ++got;
  EXPECT_GE(got, 1024 - 1024 / 8);
}

TEST(Lease, GivesAllBackWhenSomebodyWaits) {
  LimitPool pool(1024, 2);
  Lease busy(pool);
  Lease waiting(pool);
  for (int i = 0; i < 1024; ++i) ASSERT_TRUE(busy.acquire());
  pool.want();
  for (int i = 0; i < 1024; ++i) busy.release();
  pool.unwant();
  for (int i = 0; i < 1024; ++i) ASSERT_TRUE(waiting.acquire()) << i;
}

TEST(Lease, EndingGivesBackWhatItDidNotUse) {
  LimitPool pool(100, 1);
  {
    Lease gone(pool);
    ASSERT_TRUE(gone.acquire());
    gone.release();
  }
  Lease lease(pool);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(lease.acquire()) << i;
}

TEST(Lease, ThreadsTogetherStayBelowTheLimit) {
  constexpr int kLimit = 64;
  LimitPool pool(kLimit, 4);
  std::atomic<int> used{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Lease lease(pool);
      for (int round = 0; round < 2'000; ++round) {
        int mine = 0;
        for (int i = 0; i < 40 && lease.acquire(); ++i, ++mine) {
          const int now = used.fetch_add(1) + 1;
          int before = most.load();
          while (now > before && !most.compare_exchange_weak(before, now)) {
          }
        }
        for (; mine > 0; --mine) {
          used.fetch_sub(1);
          lease.release();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most.load(), kLimit);
  Lease after(pool);
  for (int i = 0; i < kLimit; ++i) ASSERT_TRUE(after.acquire()) << "a place was lost";
}

}  // namespace
}  // namespace flagmesh::upstream
