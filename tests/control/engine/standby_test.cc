#include "control/engine/standby.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "proxy/base/time.h"

namespace flagmesh::engine {
namespace {

constexpr MonoMs kHeartbeat = 100;

class StandbyTest : public testing::Test {
 protected:
  StandbyTest() : loop_(*event::Loop::create()) {
    char name[] = "/tmp/flagmesh-standby-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~StandbyTest() override {
    standby_.reset();
    std::filesystem::remove_all(folder_);
  }

  Standby& make() {
    standby_ = std::make_unique<Standby>(*loop_, kHeartbeat, folder_ + "/standby",
                                          Standby::Calls{[this] { ++looks_; }, [this] { ++due_; }});
    return *standby_;
  }
  void run(MonoMs milliseconds) {
    const MonoMs until = mono_ms() + milliseconds;
    while (mono_ms() < until) loop_->run_once(5);
  }
  // A machine that is busy begins the lease anew: so this waits longer than one.
  bool becomes_due(const std::function<void()>& meanwhile = {}) {
    const MonoMs until = mono_ms() + 200 * kHeartbeat;
    while (due_ == 0 && mono_ms() < until) {
      if (meanwhile) meanwhile();
      loop_->run_once(5);
    }
    return due_ > 0;
  }
  static snapshot::VerifiedHead head(uint64_t size, int64_t engine_ms) {
    snapshot::VerifiedHead head;
    head.checkpoint.size = size;
    head.engine_ms = head.newest_ms = engine_ms;
    return head;
  }

  std::unique_ptr<event::Loop> loop_;
  std::string folder_;
  int due_ = 0;
  int looks_ = 0;
  std::unique_ptr<Standby> standby_;
};

TEST_F(StandbyTest, IsDueWhenNobodySignsForThreeHeartbeats) {
  Standby& standby = make();
  standby.set_connected(true);
  run(5 * kHeartbeat);
  EXPECT_EQ(due_, 0) << "an active engine is not due";
  const MonoMs began = mono_ms();
  ASSERT_TRUE(standby.begin());
  ASSERT_TRUE(becomes_due());
  EXPECT_GE(looks_, 3);
  EXPECT_GE(mono_ms() - began, 3 * kHeartbeat);
  ASSERT_TRUE(standby.end());
  run(5 * kHeartbeat);
  EXPECT_EQ(due_, 1);
}

TEST_F(StandbyTest, OnlyNewerSignaturesProlongTheLease) {
  Standby& standby = make();
  standby.set_connected(true);
  ASSERT_TRUE(standby.begin());
  for (int64_t second = 1; second <= 10; ++second) {
    standby.seen(head(1, second * 1'000));
    run(kHeartbeat);
  }
  EXPECT_EQ(due_, 0);
  EXPECT_TRUE(becomes_due([&] {
    standby.seen(head(1, 10'000));  // shown again
    standby.seen(head(1, 9'000));
  }));
}

TEST_F(StandbyTest, WhoCannotSeeTakesNothingOver) {
  Standby& standby = make();
  ASSERT_TRUE(standby.begin());
  run(6 * kHeartbeat);
  EXPECT_EQ(due_, 0);
  standby.set_connected(true);
  run(2 * kHeartbeat);
  EXPECT_EQ(due_, 0) << "the lease begins when it can see again";
  EXPECT_TRUE(becomes_due());
}

TEST_F(StandbyTest, WhoStoodStillBeginsAnew) {
  Standby& standby = make();
  standby.set_connected(true);
  ASSERT_TRUE(standby.begin());
  const MonoMs until = mono_ms() + 5 * kHeartbeat;
  while (mono_ms() < until) {
  }
  run(kHeartbeat / 2);
  EXPECT_EQ(due_, 0);
}

TEST_F(StandbyTest, IsRememberedUntilItEnds) {
  ASSERT_TRUE(make().begin());
  Standby& again = make();
  EXPECT_FALSE(again.standing_by());
  ASSERT_TRUE(again.restore());
  EXPECT_TRUE(again.standing_by());
  ASSERT_TRUE(again.end());
  Standby& last = make();
  ASSERT_TRUE(last.restore());
  EXPECT_FALSE(last.standing_by());
}

}  // namespace
}  // namespace flagmesh::engine
