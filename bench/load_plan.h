// What a load generator is to do, and what it saw: the same for HTTP/1 and HTTP/2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/histogram.h"

namespace flagmesh::bench {

struct LoadPlan {
  uint16_t port = 0;
  size_t connections = 64;
  std::string path;     // GET; "/bytes/N" says that the body is the first N bytes of the pattern
  uint64_t upload = 0;  // above 0: POST of that many bytes; the body of the answer is their count
  uint64_t users = 0;   // different x-user-id fields, in turn
  std::string header;   // one more field line, without its CRLF
  bool connection_per_request = false;
  bool tls = false;
  bool http2 = false;
  size_t streams = 32;  // HTTP/2: requests at a time on each connection
};

// Ends after `requests` when that is above 0, otherwise after `nanoseconds`.
struct LoadPhase {
  int64_t nanoseconds = 0;
  uint64_t requests = 0;
  uint64_t rate = 0;  // requests a second, 0: closed loop
};

struct LoadResult {
  Histogram latency;  // of the requests that were answered as they should
  uint64_t errors = 0;
  std::string first_error;
  uint64_t reconnects = 0;  // the peer closed between two requests, or said that it would
  int64_t duration_ns = 0;  // from the start to the last answer
};

// The user of request number i.
inline std::string user_name(uint64_t i) { return "user-" + std::to_string(1'000'000 + i * 7919); }

// Owns the connections. No request is in flight between two calls.
class Load {
 public:
  virtual ~Load() = default;
  // Opens every connection and makes one request on each, at most 64 at once. Any failure ends the
  // program.
  virtual void connect_all() = 0;
  virtual LoadResult measure(const LoadPhase& phase) = 0;
};

}  // namespace flagmesh::bench
