// Bytes that are made when a callback ends.
#include <gtest/gtest.h>

#include "proxy/net/io_context.h"

namespace flagmesh::net {
namespace {

struct Task final : FlushTask {
  explicit Task(IoContext& io, int again = 0) : context(io), asks_again(again) {}
  void before_flush() override {
    ++runs;
    if (asks_again-- > 0) context.before_flush(*this);
  }
  IoContext& context;
  int asks_again;
  int runs = 0;
};

TEST(FlushTask, RunsOnceForEachFlushThatItWasAskedFor) {
  const auto loop = event::Loop::create().value();
  IoContext io(*loop);
  Task task(io);
  io.before_flush(task);
  io.before_flush(task);
  io.flush();
  EXPECT_EQ(task.runs, 1);
  io.flush();
  EXPECT_EQ(task.runs, 1);
  io.before_flush(task);
  io.flush();
  EXPECT_EQ(task.runs, 2);
}

TEST(FlushTask, MayAskAgainForTheSameFlush) {
  const auto loop = event::Loop::create().value();
  IoContext io(*loop);
  Task task(io, 2);
  io.before_flush(task);
  io.flush();
  EXPECT_EQ(task.runs, 3);
}

TEST(FlushTask, OneThatIsDestroyedIsForgotten) {
  const auto loop = event::Loop::create().value();
  IoContext io(*loop);
  Task kept(io);
  {
    Task gone(io);
    Task other(io);
    io.before_flush(other);
    io.before_flush(kept);
    io.before_flush(gone);
  }
  io.flush();
  EXPECT_EQ(kept.runs, 1);
}

}  // namespace
}  // namespace flagmesh::net
