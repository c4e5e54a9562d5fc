// One JSON line for each request, written in batches: a line is never torn, and never waits longer than kFlushMs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/event/loop.h"
#include "proxy/stream/log_line.h"

namespace flagmesh::stream {

class Stream;

// One per worker, on its thread. Several workers and processes may write to the same file: each write holds whole lines.
class AccessLog {
 public:
  static constexpr size_t kBatchBytes = 16 * 1024;  // stays in the nearest cache, and is no dearer to write than twice as much
  static constexpr size_t kLineBytes = 4 * 1024;  // room for one more; a longer line makes the batch grow
  static constexpr MonoMs kFlushMs = 100;

  AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  ~AccessLog();

  // "off", "stdout", or a file that is appended to (made when missing).
  Status open(event::Loop& loop, const std::string& where);
  // Lines say less of users: the targeting key as a code that is the same for one user until the process ends, the client's address
  // as its network, the path without its query.
  void set_redact(bool redact);
  // Opens the file again: it was moved away (logrotate, SIGUSR1).
  void reopen();

  bool enabled() const { return fd_ >= 0; }
  void write(const Stream& stream);
  void flush();

 private:
  event::Loop* loop_ = nullptr;
  std::string path_;
  std::string batch_;
  event::Timer timer_;
  LogClock clock_;
  std::string secret_;  // what codes are made with; empty: nothing is redacted
  int fd_ = -1;
  bool owned_ = false;
  bool torn_ = false;  // batch_ begins in the middle of a line
};

}  // namespace flagmesh::stream
