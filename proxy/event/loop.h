// One thread, one loop: readiness of descriptors, timers, tasks at the end of a turn, messages from other threads. On epoll(7) itself:
// libevent's record of a connection (128 B of struct event, 40 B of its maps) was a third of what an idle connection may cost, and its
// dispatch a twentieth of a request's instructions (bench/README.md).
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/base/time.h"
#include "proxy/event/deferred_delete.h"
#include "proxy/event/timer.h"

namespace flagmesh::event {

class Loop;

// Called on the loop's thread when a descriptor is ready. May destroy the Io it is called for.
class IoHandler {
 public:
  // `closed`: the peer closed its side (EPOLLRDHUP) or the socket failed (EPOLLERR, EPOLLHUP): read on until 0 or an error.
  virtual void on_io(bool readable, bool writable, bool closed) = 0;

 protected:
  ~IoHandler() = default;
};

// The registration of one descriptor with a loop. Does not own the descriptor. Lives on the loop's thread.
class Io {
 public:
  enum class Mode : uint8_t {
    // Readable and writable, edge-triggered, registered once and never changed: what a connection wants. The handler
    // remembers readiness: an edge is told once.
    kEdge,
    // Level-triggered: what a listener wants, and vendor code that reads a piece at a time.
    kLevelRead,
    kLevelWrite,
    kLevelReadWrite,
  };

  Io() = default;
  Io(const Io&) = delete;
  Io& operator=(const Io&) = delete;
  ~Io() { close(); }

  Status open(Loop& loop, int fd, Mode mode, IoHandler& handler);
  // Ends the registration; no callback comes after it. Call before close(2) of the descriptor.
  void close();
  // The same for a descriptor that is closed right behind it and has no duplicate anywhere (dup, fork, SCM_RIGHTS): close(2) takes it
  // out of the set, which saves a system call.
  void close_with_descriptor();
  bool is_open() const { return fd_ >= 0; }

 private:
  friend class Loop;

  IoHandler* handler_ = nullptr;
  Loop* loop_ = nullptr;
  int fd_ = -1;
};

// Something to go on with when every ready descriptor had its turn. Intrusive, so that scheduling allocates nothing. Destroying it cancels.
class TurnTask {
 public:
  TurnTask() = default;
  TurnTask(const TurnTask&) = delete;
  TurnTask& operator=(const TurnTask&) = delete;

 protected:
  virtual ~TurnTask();

 private:
  friend class Loop;
  virtual void on_turn() = 0;
  Loop* scheduled_on_ = nullptr;
  TurnTask* next_ = nullptr;
};

class Loop {
 public:
  static Result<std::unique_ptr<Loop>> create();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  // Runs until stop(). On the calling thread, which becomes the loop's.
  void run();
  // One turn: waits at most `max_wait_ms` for something to happen (0 = only what is ready). For tests and for pumping.
  void run_once(uint32_t max_wait_ms);
  // From any thread.
  void stop();
  // Runs `task` on the loop's thread at a later turn, in order of posting. From any thread. What was posted and did not run when the
  // loop is destroyed is destroyed unrun.
  void post(std::move_only_function<void()> task);

  // Runs task.on_turn() once, at the end of this turn (or of the next one when called from a turn task). Scheduling twice is once.
  void schedule(TurnTask& task);

  // New work waits for what is under way. Whoever would begin something (read a client's next request) asks may_begin(); where it says no,
  // begin_later() runs task.on_turn() when its turn comes, first in, first out, a few of them a turn, behind every event that came
  // meanwhile. So under load only a few requests are in flight at a time, in memory and connections that are still in the cache, however
  // many clients wait; a loop with little to do never says no.
  bool may_begin() {
    if (begun_ >= kBeginPerTurn || patient_ != nullptr) return false;
    ++begun_;
    return true;
  }
  void begin_later(TurnTask& task);

  // The monotonic time at which this turn began, in milliseconds. A read of a member.
  MonoMs now_ms() const { return now_ms_; }
  // Wall time in seconds and its text as Date has it, renewed once a second.
  int64_t unix_seconds() const { return unix_seconds_; }
  std::string_view date() const { return {date_.data(), 29}; }

  TimerWheel& timers() { return timers_; }
  DeferredDeleter& deleter() { return deleter_; }

  // `hook(context, more)` runs after every callback of this loop (descriptor, timer, turn task, posted task): where batched output is
  // written. `more`: this was a ready descriptor or begun work, and the loop may go on to another at once, so what bears to wait a few
  // callbacks may wait for them; before anything else runs, the hook is called without `more`. It is one branch when unset.
  void set_after_callback(void (*hook)(void*, bool), void* context) {
    after_ = hook;
    after_context_ = context;
  }

  // Calls `handler` on the loop's thread for a signal. One loop of the process only.
  Status on_signal(int signal_number, std::function<void()> handler);

 private:
  friend class Io;
  friend class TurnTask;
  // Events taken with one wait. The rest of a longer queue comes with the next one, behind timers and turn tasks.
  static constexpr int kBatch = 128;
  static constexpr unsigned kBeginPerTurn = 16;
  struct Impl;  // epoll's and the wake-up's descriptors, what was posted, signals
  explicit Loop(std::unique_ptr<Impl> impl);
  void after_callback(bool more = false) {
    if (after_ != nullptr) after_(after_context_, more);
  }
  void turn(int wait_ms);
  void dispatch();
  // No event of the batch at hand is told to `io` any more.
  void forget(const Io& io);
  void update_time();
  static void append(TurnTask& task, TurnTask**& end);
  // Takes `task` out of that list; false when it is not in it.
  static bool unlink(TurnTask& task, TurnTask*& first, TurnTask**& end);
  void run_first(TurnTask*& first, TurnTask**& end, bool more);
  void run_turn_tasks();
  void run_patient();
  void run_posted();

  std::unique_ptr<Impl> impl_;
  std::array<epoll_event, kBatch> batch_;
  int batch_size_ = 0;  // 0: not dispatching
  int batch_next_ = 0;
  MonoMs now_ms_ = 0;
  MonoMs wall_read_ms_ = 0;  // when the wall clock was read
  int64_t unix_seconds_ = 0;
  std::array<char, 32> date_{};
  TurnTask* tasks_ = nullptr;
  TurnTask** tasks_end_ = &tasks_;
  TurnTask* patient_ = nullptr;  // begin_later()
  TurnTask** patient_end_ = &patient_;
  unsigned begun_ = 0;  // in this turn
  void (*after_)(void*, bool) = nullptr;
  void* after_context_ = nullptr;
  bool stopping_ = false;
  TimerWheel timers_;
  DeferredDeleter deleter_;
};

}  // namespace flagmesh::event
