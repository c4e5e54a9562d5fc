// The load generator for HTTP/1: one thread, one epoll.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load_plan.h"
#include "bench/tool.h"
#include "bench/wire.h"

namespace flagmesh::bench {

class LoadRun final : public Load {
 public:
  explicit LoadRun(const LoadPlan& plan);
  ~LoadRun() override;
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  void connect_all() override;
  LoadResult measure(const LoadPhase& phase) override;

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
  const std::unique_ptr<TlsClientSetup> tls_;
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
