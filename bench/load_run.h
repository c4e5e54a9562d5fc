// The load generator: one thread, one epoll.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/histogram.h"
#include "bench/tool.h"

namespace flagmesh::bench {

struct LoadPlan {
  uint16_t port = 0;
  size_t connections = 64;
  std::string path;     // GET; "/bytes/N" says that the body is the first N bytes of the pattern
  uint64_t upload = 0;  // above 0: POST of that many bytes; the body of the answer is their count
  uint64_t users = 0;   // different x-user-id fields, in turn
  std::string header;   // one more field line, without its CRLF
  bool connection_per_request = false;
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

// Owns the connections. No request is in flight between two calls.
class LoadRun {
 public:
  explicit LoadRun(const LoadPlan& plan);
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  // Opens every connection and makes one request on each, at most 64 at once. Any failure ends the
  // program.
  void connect_all();
  LoadResult measure(const LoadPhase& phase);

 private:
  struct Connection;

  void prepare_requests();
  void poll(int64_t until_ns);
  void issue_due();
  bool may_issue() const;
  void start(Connection& c, int64_t intended_ns);
  void open(Connection& c);
  void send_more(Connection& c);
  void receive(Connection& c);
  bool take_head(Connection& c, std::string_view& data);
  bool take_body(Connection& c, std::string_view data);
  void succeed(Connection& c);
  void fail(Connection& c, const char* why);
  void drop(Connection& c);
  void become_idle(Connection& c);
  void want_write(Connection& c, bool wanted);

  const LoadPlan plan_;
  const int epoll_;
  const Pattern pattern_;
  std::string expected_body_;  // of an upload's answer
  uint64_t expected_length_ = 0;
  std::vector<std::string> requests_;
  size_t next_request_ = 0;

  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
  size_t in_flight_ = 0;

  // The phase that runs.
  LoadPhase phase_;
  LoadResult result_;
  int64_t begin_ns_ = 0;
  int64_t last_answer_ns_ = 0;
  uint64_t issued_ = 0;
  uint64_t limit_ = 0;       // requests that may be issued; no limit: UINT64_MAX
  bool open_ended_ = false;  // the clock ends the phase
  char scratch_[kScratchBytes];
};

}  // namespace flagmesh::bench
