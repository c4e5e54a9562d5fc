#include "proxy/event/timer.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace flagmesh::event {
namespace {

// A timer that remembers when it fired.
struct Alarm {
  explicit Alarm(const MonoMs& now)
      : clock(now), timer([](void* self) { static_cast<Alarm*>(self)->fire(); }, this) {}
  void fire() {
    fired.push_back(clock);
    if (then) then();
  }
  const MonoMs& clock;
  Timer timer;
  std::vector<MonoMs> fired;
  std::function<void()> then;
};

class TimerTest : public testing::Test {
 protected:
  void run_to(MonoMs until) {
    now = until;
    wheel.advance(now, [] {});
  }
  MonoMs now = 1'000'003;
  TimerWheel wheel{now};
  Alarm alarm{now};
};

TEST_F(TimerTest, NeverEarlyAndAtMostATickLate) {
  for (const MonoMs after : {0, 1, 7, 8, 9, 100, 8'000, 8'191, 8'192, 30'000}) {
    alarm.fired.clear();
    const MonoMs deadline = now + after;
    alarm.timer.set(wheel, deadline);
    EXPECT_TRUE(alarm.timer.armed());
    while (alarm.fired.empty() && now < deadline + 100) run_to(now + 1);
    ASSERT_EQ(alarm.fired.size(), 1U) << after;
    EXPECT_GE(alarm.fired[0], deadline);
    EXPECT_LE(alarm.fired[0], deadline + 2 * TimerWheel::kTickMs);
    EXPECT_FALSE(alarm.timer.armed());
  }
}

TEST_F(TimerTest, PushingBackAndPullingForward) {
  const MonoMs start = now;
  alarm.timer.set(wheel, start + 100);
  alarm.timer.set(wheel, start + 5'000);  // stays where it is in the wheel
  run_to(start + 4'999);
  EXPECT_TRUE(alarm.fired.empty());
  alarm.timer.set(wheel, start + 50'000);
  alarm.timer.set(wheel, start + 5'200);
  run_to(start + 5'220);
  EXPECT_EQ(alarm.fired.size(), 1U);
}

TEST_F(TimerTest, CancelledAndDisarmedDoNotFire) {
  alarm.timer.set(wheel, now + 50);
  alarm.timer.cancel();
  run_to(now + 100);
  alarm.timer.set(wheel, now + 50);
  alarm.timer.disarm();
  run_to(now + 100);
  EXPECT_TRUE(alarm.fired.empty());
  alarm.timer.set(wheel, now + 50);
  alarm.timer.disarm();
  alarm.timer.set(wheel, now + 60);
  run_to(now + 100);
  EXPECT_EQ(alarm.fired.size(), 1U);
}

TEST_F(TimerTest, AfterALongSleepItIsStillRight) {
  run_to(now + 3'600'000);
  alarm.timer.set(wheel, now + 20'000);
  EXPECT_NE(wheel.next_wakeup(), 0U);
  run_to(now + 19'999);
  EXPECT_TRUE(alarm.fired.empty());
  run_to(now + 20);
  EXPECT_EQ(alarm.fired.size(), 1U);
}

TEST_F(TimerTest, TheWheelIsNotLookedAtWithoutTimers) {
  EXPECT_EQ(wheel.next_wakeup(), 0U);
  alarm.timer.set(wheel, now + 100);
  EXPECT_GE(wheel.next_wakeup(), now + 93);
  EXPECT_LE(wheel.next_wakeup(), now + 108);
  alarm.timer.cancel();
  run_to(now + 200);
  EXPECT_EQ(wheel.next_wakeup(), 0U);
}

TEST_F(TimerTest, ACallbackMaySetItselfCancelOthersAndDestroyThem) {
  auto doomed = std::make_unique<Alarm>(now);
  Alarm cancelled(now);
  alarm.then = [&] {
    doomed.reset();
    cancelled.timer.cancel();
    if (alarm.fired.size() < 3) alarm.timer.set(wheel, now + 10);
  };
  // One slot; the last one set is the first to fire.
  doomed->timer.set(wheel, now + 50);
  cancelled.timer.set(wheel, now + 50);
  alarm.timer.set(wheel, now + 50);
  for (int i = 0; i < 200; ++i) run_to(now + 1);
  EXPECT_EQ(alarm.fired.size(), 3U);
  EXPECT_TRUE(cancelled.fired.empty());
}

TEST_F(TimerTest, AgainstAModel) {
  std::mt19937 random(7);
  struct Modelled {
    explicit Modelled(const MonoMs& clock) : alarm(clock) {}
    Alarm alarm;
    MonoMs deadline = 0;
    size_t seen = 0;
  };
  std::vector<std::unique_ptr<Modelled>> all;
  for (int i = 0; i < 50; ++i) all.push_back(std::make_unique<Modelled>(now));
  for (int step = 0; step < 20'000; ++step) {
    Modelled& one = *all[random() % all.size()];
    switch (random() % 4) {
      case 0:
        one.alarm.timer.cancel(), one.deadline = 0;
        break;
      case 1:
        one.alarm.timer.disarm(), one.deadline = 0;
        break;
      default:
        one.deadline = now + random() % (random() % 8 == 0 ? 40'000 : 300);
        one.alarm.timer.set(wheel, one.deadline);
    }
    run_to(now + random() % (random() % 50 == 0 ? 9'000 : 12));
    for (const auto& each : all) {
      const bool fired = each->alarm.fired.size() > each->seen;
      if (fired) {
        ASSERT_NE(each->deadline, 0U);
        ASSERT_GE(now, each->deadline);
        ASSERT_EQ(each->alarm.fired.size(), each->seen + 1);
        each->deadline = 0;
      } else {
        ASSERT_TRUE(each->deadline == 0 || now < each->deadline + 2 * TimerWheel::kTickMs) << step;
      }
      each->seen = each->alarm.fired.size();
    }
  }
}

}  // namespace
}  // namespace flagmesh::event
