// An HTTP/2 client that says anything: however the bytes are cut the events are the same, and what is kept is bounded, streams too. A byte
// in front steers what the server does meanwhile.
#include <cstdint>
#include <cstdlib>

#include "proxy/limits.h"
#include "tests/proxy/http/h2_frames.h"

using namespace flagmesh::http;

namespace {

void require(bool true_here) {
  if (!true_here) abort();
}

std::string run(std::string_view bytes, size_t step) {
  h2::End server;
  server.pulls = server.log_data = false;  // what is sent meanwhile decides what may follow
  server.feed(bytes, step);
  server.pull();
  require(server.memory.in_use() < 2000);
  size_t open = 0;
  for (const auto& stream : server.streams) open += stream->closed ? 0 : 1;
  require(open <= flagmesh::limits::kH2Streams);
  return server.log;
}

// Answers everything as it comes, some of it early, some with an error.
void converse(std::string_view bytes, uint8_t how) {
  h2::End server;
  server.consume = (how & 1) != 0;
  size_t answered = 0;
  ResponseHead head;
  head.status = 200;
  head.body = {Framing::kChunked, 0};
  const std::string body(size_t{how} * 64, 'x');
  while (!bytes.empty() && !server.connection.over()) {
    const size_t piece = std::min<size_t>(bytes.size(), 1 + how);
    server.feed(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
    for (; answered < server.streams.size(); ++answered) {
      h2::End::Exchange& stream = server.stream(answered);
      if (stream.closed) continue;
      if (!stream.head_done) break;
      if ((how & 6) == 6) {
        server.connection.reset(stream, H2Code::kCancel);
        continue;
      }
      server.connection.send_response(stream, head, false, (how & 2) != 0);
      server.connection.send_data(stream, body);
      server.connection.send_end(stream, nullptr);
      server.pull();
      if (!stream.closed && (how & 8) != 0) server.connection.ignore_rest(stream);
    }
  }
  server.pull();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint8_t how = data[0];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  // Most inputs should get further than the preface.
  const std::string bytes = (how & 16) != 0 ? std::string(rest) : h2::hello() + std::string(rest);
  require(run(bytes, 0) == run(bytes, 1 + how % 7));
  converse(bytes, how);
  return 0;
}
