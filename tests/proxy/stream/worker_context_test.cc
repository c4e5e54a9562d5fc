#include "proxy/stream/worker_context.h"

#include <gtest/gtest.h>

#include "proxy/stream/stream.h"

namespace flagmesh::stream {
namespace {

TEST(WorkerContext, RecyclesStreamsTheLastOneFirst) {
  const std::unique_ptr<event::Loop> loop = event::Loop::create().value();
  net::IoContext io(*loop);
  WorkerStats stats;
  WorkerContext worker(io, 0, stats);
  Stream* first = worker.take_stream();
  Stream* second = worker.take_stream();
  EXPECT_NE(first, second);
  worker.give_back(first);
  worker.give_back(second);
  EXPECT_EQ(worker.take_stream(), second);
  EXPECT_EQ(worker.take_stream(), first);
  worker.give_back(first);
  worker.give_back(second);
}

}  // namespace
}  // namespace flagmesh::stream
