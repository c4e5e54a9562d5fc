// What a MemoryCarrier does among threads; what every carrier promises is tried in
// tests/control/redis/redis_carrier_test.cc.
#include "control/snapshot/memory_carrier.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::snapshot {
namespace {

// A thread that runs what is posted to it.
class Worker {
 public:
  MemoryCarrier::Post post() {
    return [this](std::move_only_function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      wake_.notify_one();
    };
  }
  void stop() {
    post()({});
    thread_.join();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !tasks_.empty(); });
      std::move_only_function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      if (!task) return;
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> tasks_;
  std::thread thread_{[this] { run(); }};
};

TEST(MemoryCarrier, ReadersOnOtherThreadsSeeEveryHead) {
  MemoryBus bus;
  Worker engine_thread;
  Worker router_thread;
  std::atomic<int> heads = 0;
  std::atomic<bool> listening = false;  // a router that comes later hears nothing of what was before
  auto router = std::make_unique<MemoryCarrier>(bus, router_thread.post());
  auto carrier = std::make_unique<MemoryCarrier>(bus, engine_thread.post());
  router_thread.post()([&] {
    router->start({.heads = true}, [&](CarrierEvent event, std::string_view) {
      if (event != CarrierEvent::kHead) return;
      router->read_head(
          [&](Result<std::optional<std::string>> head) { heads += head->has_value(); });
    });
    listening = true;
  });
  while (!listening) std::this_thread::yield();
  PublishingEngine engine;
  std::atomic<int> moved = 0;
  for (int i = 0; i < 50; i++) {
    engine_thread.post()([&, publication = engine.set("a", i)]() mutable {
      carrier->publish(std::move(publication), [&](Status status) { moved += status.has_value(); });
    });
  }
  while (moved < 50 || heads < 1) std::this_thread::yield();
  router_thread.post()([&] { router.reset(); });
  engine_thread.post()([&] { carrier.reset(); });
  router_thread.stop();
  engine_thread.stop();
  EXPECT_EQ(moved, 50);
}

TEST(MemoryBus, RepliesAreBounded) {
  MemoryBus bus;
  MemoryCarrier carrier(bus, [](const auto&) {});
  for (int i = 0; i < 1'500; i++) carrier.reply(std::to_string(i));
  const std::vector<std::string> replies = bus.replies();
  EXPECT_EQ(replies.size(), 1'000U);
  EXPECT_EQ(replies.back(), "1499");
}

}  // namespace
}  // namespace flagmesh::snapshot
