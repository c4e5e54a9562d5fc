#include "bench/load_run.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "bench/message_head.h"

namespace flagmesh::bench {
namespace {

constexpr size_t kRampConcurrency = 64;
constexpr int64_t kStuckNs = 10'000'000'000;  // no answer for so long ends the program

}  // namespace

struct LoadRun::Connection {
  Wire wire;
  bool busy = false;
  bool wants_write = false;
  bool close_after = false;
  bool in_body = false;
  bool shaking = false;  // TLS's handshake waits for bytes
  const std::string* request = nullptr;
  uint64_t sent = 0;  // of head and body together
  int64_t intended_ns = 0;
  std::string head_part;
  uint64_t body_at = 0;
};

LoadRun::LoadRun(const LoadPlan& plan)
    : plan_(plan),
      tls_(plan.tls ? std::make_unique<TlsClientSetup>("http/1.1") : nullptr),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) die("epoll_create1");
  prctl(PR_SET_TIMERSLACK, 1UL);  // open loop: wake when a request is due, not 50 us later
  prepare_requests();
  connections_.resize(plan_.connections);
  for (auto& connection : connections_) connection = std::make_unique<Connection>();
}

LoadRun::~LoadRun() {
  for (auto& connection : connections_) drop(*connection);
  close(epoll_);
}

void LoadRun::prepare_requests() {
  const bool upload = plan_.upload > 0;
  expected_body_ = std::to_string(plan_.upload);
  expected_length_ =
      upload
          ? expected_body_.size()
          : leading_number(std::string_view(plan_.path)
                               .substr(plan_.path.starts_with("/bytes/") ? 7 : plan_.path.size()));
  std::string fixed =
      std::string(upload ? "POST " : "GET ") + plan_.path +
      " HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: flagmesh-bench\r\nAccept: */*\r\n";
  if (plan_.connection_per_request) fixed += "Connection: close\r\n";
  if (upload)
    fixed += "Content-Type: application/octet-stream\r\nContent-Length: " + expected_body_ + "\r\n";
  if (!plan_.header.empty()) fixed += plan_.header + "\r\n";
  for (uint64_t i = 0; i < std::max<uint64_t>(plan_.users, 1); ++i) {
    std::string user;
    if (plan_.users > 0) user = "x-user-id: " + user_name(i) + "\r\n";
    requests_.push_back(fixed + user + "\r\n");
  }
}

void LoadRun::connect_all() {
  phase_ = {.requests = connections_.size()};
  for (auto& connection : connections_) idle_.push_back(connection.get());
  // Each idle connection is new, and only `kRampConcurrency` are let in at a time.
  std::vector<Connection*> waiting;
  waiting.swap(idle_);
  result_ = {};
  limit_ = 0;
  last_answer_ns_ = now_ns();
  while (!waiting.empty() || in_flight_ > 0) {
    while (!waiting.empty() && in_flight_ < kRampConcurrency) {
      Connection* connection = waiting.back();
      waiting.pop_back();
      start(*connection, now_ns());
    }
    poll(INT64_MAX);
    if (result_.errors > 0) {
      errno = 0;
      die("the first request on a connection failed: " + result_.first_error);
    }
  }
}

LoadResult LoadRun::measure(const LoadPhase& phase) {
  phase_ = phase;
  result_ = {};
  issued_ = 0;
  open_ended_ = phase.requests == 0;
  limit_ = open_ended_ ? UINT64_MAX : phase.requests;
  begin_ns_ = last_answer_ns_ = now_ns();
  const int64_t end_ns = begin_ns_ + phase.nanoseconds;
  while (true) {
    if (open_ended_ && now_ns() >= end_ns) limit_ = issued_;
    if (issued_ >= limit_ && in_flight_ == 0) break;
    issue_due();
    poll(open_ended_ && limit_ == UINT64_MAX ? end_ns : INT64_MAX);
  }
  result_.duration_ns = last_answer_ns_ - begin_ns_;
  return result_;
}

// Starts what may be started now: in a closed loop a request on every idle connection, in an open
// loop what is due.
void LoadRun::issue_due() {
  const int64_t now = now_ns();
  while (issued_ < limit_ && !idle_.empty()) {
    int64_t intended = now;
    if (phase_.rate > 0) {
      intended = begin_ns_ + static_cast<int64_t>(static_cast<double>(issued_) * 1e9 /
                                                  static_cast<double>(phase_.rate));
      if (intended > now) return;
    }
    Connection* connection = idle_.back();
    idle_.pop_back();
    ++issued_;
    start(*connection, intended);
  }
}

// Waits for events until the next request is due or `until_ns`, and handles them.
void LoadRun::poll(int64_t until_ns) {
  const int64_t now = now_ns();
  if (in_flight_ > 0 && now - last_answer_ns_ > kStuckNs) {
    errno = 0;
    die("no answer for 10 seconds, " + std::to_string(in_flight_) + " requests in flight");
  }
  int64_t wait = std::min(until_ns, now + kStuckNs / 2) - now;
  if (phase_.rate > 0 && issued_ < limit_ && !idle_.empty()) {
    const double due = static_cast<double>(issued_) * 1e9 / static_cast<double>(phase_.rate);
    wait = std::min(wait, begin_ns_ + static_cast<int64_t>(due) - now);
  }
  wait = std::max<int64_t>(wait, 0);
  const timespec timeout{.tv_sec = wait / 1'000'000'000, .tv_nsec = wait % 1'000'000'000};
  epoll_event events[256];
  const int count = epoll_pwait2(epoll_, events, std::size(events), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    auto& connection = *static_cast<Connection*>(events[i].data.ptr);
    if (connection.wire.is_open() && connection.wants_write && (events[i].events & EPOLLOUT) != 0) {
      send_more(connection);
    }
    const bool readable = (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    if (connection.wire.is_open() && readable && connection.shaking) send_more(connection);
    if (connection.wire.is_open() && readable && !connection.shaking) receive(connection);
  }
}

void LoadRun::start(Connection& c, int64_t intended_ns) {
  c.busy = true;
  c.in_body = false;
  c.close_after = false;
  c.sent = 0;
  c.intended_ns = intended_ns;
  c.request = &requests_[next_request_];
  if (++next_request_ == requests_.size()) next_request_ = 0;
  ++in_flight_;
  if (!c.wire.is_open()) open(c);
  if (c.wire.is_open()) send_more(c);
}

void LoadRun::open(Connection& c) {
  if (!c.wire.open(plan_.port, tls_.get())) return fail(c, "connect");
  if (plan_.upload > 0) {
    const int size = 1 << 20;  // an upload is one write whenever the proxy's window allows
    setsockopt(c.wire.fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }
  c.wants_write = false;
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &c}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.wire.fd(), &event) != 0) die("epoll_ctl");
}

void LoadRun::send_more(Connection& c) {
  const uint64_t head = c.request->size();
  const uint64_t total = head + plan_.upload;
  while (c.sent < total) {
    const uint64_t head_at = std::min(c.sent, head);
    const uint64_t body_at = c.sent - head_at;
    const uint64_t body_part = std::min<uint64_t>(plan_.upload - body_at, kScratchBytes);
    iovec parts[2] = {{const_cast<char*>(c.request->data()) + head_at, head - head_at},
                      {const_cast<char*>(pattern_.at(body_at)), body_part}};
    const bool whole = plan_.tls || body_part == 0;
    const iovec& first = parts[parts[0].iov_len == 0 ? 1 : 0];
    const ssize_t sent = whole ? c.wire.send(static_cast<const char*>(first.iov_base), first.iov_len)
                               : writev(c.wire.fd(), parts, 2);
    if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
      c.shaking = c.wire.send_needs_reading();
      return want_write(c, !c.shaking);
    }
    if (sent < 0) return fail(c, "write");
    c.sent += static_cast<uint64_t>(sent);
  }
  c.shaking = false;
  want_write(c, false);
}

void LoadRun::receive(Connection& c) {
  const ssize_t size = c.wire.receive(scratch_, sizeof scratch_);
  if (size < 0 && errno == EAGAIN) return;  // under TLS a ticket may be all that came
  if (size <= 0 && !c.busy) {
    ++result_.reconnects;
    return drop(c);  // stays in `idle_`; its next request opens it again
  }
  if (size <= 0) return fail(c, size == 0 ? "closed early" : "read");
  if (!c.busy) return fail(c, "bytes without a request");
  std::string_view data(scratch_, static_cast<size_t>(size));
  std::string joined;
  if (!c.head_part.empty()) {
    joined = std::move(c.head_part) + std::string(data);
    c.head_part.clear();
    data = joined;
  }
  if (!c.in_body && !take_head(c, data)) return;
  if (!take_body(c, data)) return;
  if (c.body_at == expected_length_) succeed(c);
}

// False when the head is incomplete or wrong.
bool LoadRun::take_head(Connection& c, std::string_view& data) {
  const auto head = scan_head(data);
  if (!head) {
    c.head_part = data;
    return false;
  }
  if (!head->first_line.starts_with("HTTP/1.1 200 ")) {
    fail(c, std::string(head->first_line.substr(0, 60)).c_str());
    return false;
  }
  if (head->chunked || head->content_length != expected_length_) {
    fail(c, "another Content-Length than expected");
    return false;
  }
  c.close_after = head->close;
  c.in_body = true;
  c.body_at = 0;
  data.remove_prefix(head->size);
  return true;
}

bool LoadRun::take_body(Connection& c, std::string_view data) {
  const bool fits = data.size() <= expected_length_ - c.body_at;
  const bool right =
      fits && (plan_.upload > 0 ? expected_body_.compare(c.body_at, data.size(), data) == 0
                                : pattern_.matches(data.data(), data.size(), c.body_at));
  if (!right) {
    fail(c, fits ? "a wrong body" : "more bytes than Content-Length");
    return false;
  }
  c.body_at += data.size();
  return true;
}

void LoadRun::succeed(Connection& c) {
  if (c.sent < c.request->size() + plan_.upload) return fail(c, "answered before the upload ended");
  last_answer_ns_ = now_ns();
  result_.latency.record(last_answer_ns_ - c.intended_ns);
  if (c.close_after || plan_.connection_per_request) {
    if (!plan_.connection_per_request) ++result_.reconnects;
    drop(c);
  }
  become_idle(c);
}

void LoadRun::fail(Connection& c, const char* why) {
  const int error = errno;
  if (result_.errors++ == 0) {
    result_.first_error = why;
    if (result_.first_error == "write" || result_.first_error == "read" ||
        result_.first_error == "connect") {
      result_.first_error += std::string(": ") + strerror(error);
    }
    std::erase_if(result_.first_error, [](char ch) { return ch == '"' || ch == '\\' || ch < ' '; });
  }
  const bool was_busy = c.busy;
  drop(c);
  if (was_busy) become_idle(c);
}

// Closes the socket. The connection stays usable: the next request opens it again.
void LoadRun::drop(Connection& c) {
  c.wire.close();
  c.shaking = c.wants_write = false;
  c.head_part.clear();
}

// In a closed loop the next request starts at once, which saves a walk over the idle list.
void LoadRun::become_idle(Connection& c) {
  c.busy = false;
  --in_flight_;
  if (phase_.rate == 0 && c.wire.is_open() && issued_ < limit_) {
    ++issued_;
    start(c, last_answer_ns_);
  } else {
    idle_.push_back(&c);
  }
}

void LoadRun::want_write(Connection& c, bool wanted) {
  if (wanted == c.wants_write) return;
  c.wants_write = wanted;
  epoll_event event{.events = EPOLLIN | (wanted ? uint32_t{EPOLLOUT} : 0), .data = {.ptr = &c}};
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, c.wire.fd(), &event) != 0) die("epoll_ctl");
}

}  // namespace flagmesh::bench
