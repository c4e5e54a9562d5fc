#include "proxy/stream/worker_context.h"

#include "proxy/stream/stream.h"

namespace flagmesh::stream {

WorkerContext::WorkerContext(net::IoContext& io_context, uint32_t worker_index, WorkerStats& worker_stats)
    : io(io_context), index(worker_index), stats(worker_stats) {
  upstream.h2_memory = &h2_memory;
}

WorkerContext::~WorkerContext() {
  for (Stream* stream : free_streams_) delete stream;
}

Stream* WorkerContext::take_stream() {
  if (free_streams_.empty()) return new Stream(*this);
  Stream* stream = free_streams_.back();
  free_streams_.pop_back();
  return stream;
}

void WorkerContext::give_back(Stream* stream) { free_streams_.push_back(stream); }

}  // namespace flagmesh::stream
