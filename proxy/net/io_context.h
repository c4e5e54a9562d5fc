// What the connections of one worker share: its loop, the scratch that reads go into, the output batches.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "proxy/base/output.h"
#include "proxy/event/loop.h"
#include "proxy/limits.h"

namespace flagmesh::net {

class Connection;
class IoContext;

// Somebody who makes bytes for a connection when the current callback ends: all that came up meanwhile goes out together. Intrusive:
// asking allocates nothing. Destroying it cancels.
class FlushTask {
 public:
  FlushTask() = default;
  FlushTask(const FlushTask&) = delete;
  FlushTask& operator=(const FlushTask&) = delete;

 protected:
  virtual ~FlushTask();

 private:
  friend class IoContext;
  // Appends to Connection::output(). May ask again, for this flush.
  virtual void before_flush() = 0;
  IoContext* asked_ = nullptr;
  FlushTask* next_ = nullptr;
};

// One per loop; outlives its connections; on the loop's thread. It installs itself as the loop's after-callback hook: connections that
// were written to are flushed when the callback ends, before the scratch is used again. Output that is all copied bears to wait for the
// next few ready descriptors: the kernel's way of sending is then taken several times in a row, while it is in the instruction cache
// (bench/README.md).
class IoContext {
 public:
  explicit IoContext(event::Loop& loop);
  IoContext(const IoContext&) = delete;
  IoContext& operator=(const IoContext&) = delete;
  ~IoContext();

  event::Loop& loop() { return loop_; }

  // Writes what callbacks left in output batches. Runs by itself: after a callback that borrowed, after limits::kCallbacksPerFlush others,
  // and before the loop does anything but tell of ready descriptors.
  void flush();
  // Runs task.before_flush() once when the current callback ends, or at flush(). Asking twice is once.
  void before_flush(FlushTask& task) {
    if (task.asked_ != nullptr) return;
    task.asked_ = this;
    task.next_ = tasks_;
    tasks_ = &task;
  }

 private:
  friend class Connection;
  friend class FlushTask;

  std::span<char> scratch() { return {scratch_.get(), limits::kReadScratchBytes}; }
  void callback_ended(bool more) {
    if (tasks_ != nullptr) [[unlikely]] run_tasks();
    if (dirty_ != nullptr && !(more && !borrowed_ && ++unflushed_ < limits::kCallbacksPerFlush)) write_dirty();
  }
  void run_tasks();
  void write_dirty();
  std::unique_ptr<Output> take_output();
  void give_back(std::unique_ptr<Output> output);

  event::Loop& loop_;
  std::unique_ptr<char[]> scratch_;
  std::vector<std::unique_ptr<Output>> outputs_;  // free
  FlushTask* tasks_ = nullptr;
  Connection* dirty_ = nullptr;                   // connections with an output batch, newest first
  unsigned unflushed_ = 0;                        // callbacks that ended since the last flush
  bool borrowed_ = false;                         // a batch refers to bytes that live only as long as their callback
};

}  // namespace flagmesh::net
