// A role on a loop and thread of its own.
#pragma once

#include <memory>
#include <thread>

#include "proxy/event/loop.h"
#include "proxy/net/io_context.h"

namespace flagmesh {

// What lives on the loop is made before start() and destroyed after stop(), both on the owner's thread, when the loop does not run.
class LoopThread {
 public:
  static Result<std::unique_ptr<LoopThread>> create() {
    Result<std::unique_ptr<event::Loop>> loop = event::Loop::create();
    if (!loop) return std::unexpected(loop.error());
    return std::unique_ptr<LoopThread>(new LoopThread(std::move(*loop)));
  }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  ~LoopThread() { stop(); }

  event::Loop& loop() { return *loop_; }
  net::IoContext& io() { return io_; }

  void start() {
    thread_ = std::thread([this] { loop_->run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop_->stop();
    thread_.join();
  }

 private:
  explicit LoopThread(std::unique_ptr<event::Loop> loop) : loop_(std::move(loop)), io_(*loop_) {}

  std::unique_ptr<event::Loop> loop_;
  net::IoContext io_;
  std::thread thread_;
};

}  // namespace flagmesh
