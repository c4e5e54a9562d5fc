// The load generator for HTTP/2 (nghttp2's client): one thread, one epoll, many requests at a time on
// each connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/load_plan.h"
#include "bench/tool.h"
#include "bench/wire.h"

struct nghttp2_session;
struct nghttp2_session_callbacks;

namespace flagmesh::bench {

// GET only, in a closed loop. Windows are large: nothing waits for them.
class H2LoadRun final : public Load {
 public:
  explicit H2LoadRun(const LoadPlan& plan);
  ~H2LoadRun() override;
  H2LoadRun(const H2LoadRun&) = delete;
  H2LoadRun& operator=(const H2LoadRun&) = delete;

  void connect_all() override;
  LoadResult measure(const LoadPhase& phase) override;

 private:
  friend struct H2LoadCallbacks;
  struct Connection;
  struct Exchange;

  void poll(int64_t until_ns);
  void open(Connection& c);
  void fill(Connection& c, size_t streams);
  void ask(Connection& c);
  void serve(Connection& c, uint32_t events);
  bool read(Connection& c);
  bool write(Connection& c);
  void ended(Exchange& exchange, uint32_t code);
  void note(const std::string& why);
  void want_write(Connection& c, bool wanted);

  const LoadPlan plan_;
  const std::unique_ptr<TlsClientSetup> tls_;
  const int epoll_;
  const Pattern pattern_;
  const std::string authority_ = "bench.example";
  std::string length_;  // Content-Length as it has to be
  uint64_t expected_length_ = 0;
  std::vector<std::string> users_;
  size_t next_user_ = 0;
  nghttp2_session_callbacks* callbacks_ = nullptr;

  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Exchange>> spare_;
  size_t in_flight_ = 0;
  size_t streams_ = 1;  // on each connection now

  LoadResult result_;
  int64_t last_answer_ns_ = 0;
  uint64_t issued_ = 0;
  uint64_t limit_ = 0;
  char scratch_[kScratchBytes];
};

}  // namespace flagmesh::bench
