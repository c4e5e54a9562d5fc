#include "proxy/event/loop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

namespace flagmesh::event {
namespace {

struct Task final : TurnTask {
  explicit Task(std::function<void(Task&)> what) : work(std::move(what)) {}
  void on_turn() override { work(*this); }
  std::function<void(Task&)> work;
};

struct Handler final : IoHandler {
  void on_io(bool readable, bool writable, bool closed) override {
    ++calls;
    was_readable |= readable;
    was_writable |= writable;
    was_closed |= closed;
    if (then) then();
  }
  std::function<void()> then;
  int calls = 0;
  bool was_readable = false;
  bool was_writable = false;
  bool was_closed = false;
};

class LoopTest : public testing::Test {
 protected:
  bool until(std::function<bool()> done) {
    for (const MonoMs deadline = mono_ms() + 5'000; mono_ms() < deadline;) {
      if (done()) return true;
      loop->run_once(20);
    }
    return false;
  }
  std::unique_ptr<Loop> loop = *Loop::create();
};

TEST_F(LoopTest, EdgesAreToldOnceAndTheEndOfThePeerToo) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  Handler handler;
  Io io;
  ASSERT_TRUE(io.open(*loop, pair[0], Io::Mode::kEdge, handler));
  ASSERT_TRUE(until([&] { return handler.was_writable; }));
  const int before = handler.calls;
  for (int i = 0; i < 5; ++i) loop->run_once(1);
  EXPECT_EQ(handler.calls, before) << "writable is no news";
  ASSERT_EQ(write(pair[1], "x", 1), 1);
  ASSERT_TRUE(until([&] { return handler.was_readable; }));
  shutdown(pair[1], SHUT_WR);
  EXPECT_TRUE(until([&] { return handler.was_closed; }));
  io.close();
  EXPECT_FALSE(io.is_open());
  close(pair[0]);
  close(pair[1]);
}

TEST_F(LoopTest, LevelsAreToldUntilTheyAreServed) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  Handler reads;
  Handler writes;
  Io io;
  Io other;
  ASSERT_TRUE(io.open(*loop, pair[0], Io::Mode::kLevelRead, reads));
  ASSERT_TRUE(other.open(*loop, pair[1], Io::Mode::kLevelWrite, writes));
  ASSERT_TRUE(until([&] { return writes.calls >= 3; }));
  EXPECT_FALSE(writes.was_readable);
  EXPECT_EQ(reads.calls, 0);
  ASSERT_EQ(write(pair[1], "x", 1), 1);
  EXPECT_TRUE(until([&] { return reads.calls >= 3; }));
  EXPECT_FALSE(reads.was_writable);
  io.close();
  other.close();
  close(pair[0]);
  close(pair[1]);
}

TEST_F(LoopTest, AnIoMayBeDestroyedInItsCallback) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  Handler handler;
  auto io = std::make_unique<Io>();
  ASSERT_TRUE(io->open(*loop, pair[0], Io::Mode::kLevelWrite, handler));
  handler.then = [&] { io.reset(); };
  ASSERT_TRUE(until([&] { return handler.calls == 1; }));
  for (int i = 0; i < 3; ++i) loop->run_once(1);
  EXPECT_EQ(handler.calls, 1);
  close(pair[0]);
  close(pair[1]);
}

TEST_F(LoopTest, TimersFireWhileNothingElseHappens) {
  struct State {
    Loop& loop;
    int count = 0;
  } state{*loop};
  Timer timer([](void* s) { ++static_cast<State*>(s)->count; }, &state);
  for (int i = 0; i < 40; ++i) {
    const int before = state.count;
    const MonoMs deadline = loop->now_ms() + 3 + static_cast<MonoMs>(i % 11);
    timer.set(loop->timers(), deadline);
    const MonoMs began = mono_ms();
    while (state.count == before && mono_ms() < began + 2'000) loop->run_once(1'000);
    ASSERT_EQ(state.count, before + 1);
    ASSERT_LT(mono_ms(), deadline + 500) << "it slept over it";
  }
}

TEST_F(LoopTest, TurnTasksRunOnceInOrderAndAgainWhenScheduledInside) {
  std::string order;
  Task b([&](Task&) { order += 'b'; });
  Task a([&](Task& self) {
    order += 'a';
    if (order.size() < 3) loop->schedule(self);
  });
  loop->schedule(a);
  loop->schedule(b);
  loop->schedule(a);
  loop->run_once(0);
  EXPECT_EQ(order, "ab");
  loop->run_once(1'000);  // does not wait: there is a task
  EXPECT_EQ(order, "aba");
}

TEST_F(LoopTest, DestroyingATaskCancelsItWhereverItStands) {
  std::string order;
  auto first = std::make_unique<Task>([&](Task&) { order += '1'; });
  auto second = std::make_unique<Task>([&](Task&) { order += '2'; });
  auto last = std::make_unique<Task>([&](Task&) { order += '3'; });
  Task killer([&](Task&) { second.reset(); });
  loop->schedule(*first);
  loop->schedule(killer);
  loop->schedule(*second);
  loop->schedule(*last);
  first.reset();
  last.reset();
  Task end([&](Task&) { order += 'e'; });
  loop->schedule(end);
  loop->run_once(0);
  EXPECT_EQ(order, "e");
}

TEST_F(LoopTest, PostsFromManyThreadsRunInTheirOrder) {
  constexpr int kEach = 1'000;
  std::vector<int> next(4, 0);
  int all = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        loop->post([&, t, i] {
          EXPECT_EQ(next[t]++, i);
          ++all;
        });
      }
    });
  }
  EXPECT_TRUE(until([&] { return all == 4 * kEach; }));
  for (auto& thread : threads) thread.join();
}

TEST_F(LoopTest, StopFromAnotherThread) {
  std::thread other([&] { loop->stop(); });
  loop->run();
  other.join();
  loop->stop();  // before it runs again
  loop->run();
}

TEST_F(LoopTest, TheHookRunsAfterEachKindOfCallback) {
  int count = 0;
  loop->set_after_callback([](void* c, bool) { ++*static_cast<int*>(c); }, &count);
  Task task([](Task&) {});
  loop->schedule(task);
  loop->post([] {});
  loop->post([] {});
  loop->run_once(0);
  EXPECT_GE(count, 3);
  loop->set_after_callback(nullptr, nullptr);
}

TEST_F(LoopTest, ASignal) {
  int heard = 0;
  ASSERT_TRUE(loop->on_signal(SIGUSR2, [&] { ++heard; }));
  raise(SIGUSR2);
  EXPECT_TRUE(until([&] { return heard == 1; }));
}

TEST_F(LoopTest, TheDateOfNow) {
  EXPECT_EQ(loop->date(), http_date(loop->unix_seconds()));
  EXPECT_NEAR(static_cast<double>(loop->unix_seconds()), static_cast<double>(unix_seconds()), 1.0);
}

// Regression: what was posted and never ran may post and push in its destructor.
TEST_F(LoopTest, EndingItWithTasksThatPostWhenTheyDie) {
  struct Dead final : DeferredDeletable {
    explicit Dead(int& counter) : count(counter) {}
    ~Dead() override { ++count; }
    int& count;
  };
  struct PostsAtTheEnd {
    PostsAtTheEnd(Loop& where, int& counter) : loop(&where), count(&counter) {}
    PostsAtTheEnd(PostsAtTheEnd&& other) noexcept
        : loop(std::exchange(other.loop, nullptr)), count(other.count) {}
    ~PostsAtTheEnd() {
      if (loop == nullptr) return;
      loop->deleter().push(std::make_unique<Dead>(*count));
      loop->post([] { ADD_FAILURE() << "it does not run any more"; });
    }
    Loop* loop;
    int* count;
  };
  int count = 0;
  for (int i = 0; i < 3; ++i) loop->post([guard = PostsAtTheEnd(*loop, count)] {});
  loop.reset();
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace flagmesh::event
