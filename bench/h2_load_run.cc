#include "bench/h2_load_run.h"

#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace flagmesh::bench {
namespace {

constexpr size_t kRampConcurrency = 64;
constexpr int64_t kStuckNs = 10'000'000'000;  // no answer for so long ends the program
constexpr int32_t kStreamWindow = 1 << 20;
constexpr int32_t kConnectionWindow = 1 << 26;

std::string_view text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv field(std::string_view name, std::string_view value, uint8_t flags = 0) {
  const auto bytes = [](std::string_view s) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(s.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          static_cast<uint8_t>(flags | NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE)};
}

}  // namespace

struct H2LoadRun::Connection {
  explicit Connection(H2LoadRun& r) : run(r) {}
  ~Connection() { nghttp2_session_del(session); }
  H2LoadRun& run;
  Wire wire;
  nghttp2_session* session = nullptr;
  std::string out;   // not taken by the socket
  size_t out_at = 0;
  size_t active = 0;
  bool wants_write = false;
};

struct H2LoadRun::Exchange {
  Connection* connection = nullptr;
  int64_t begin_ns = 0;
  uint64_t body_at = 0;
  bool status_ok = false;
  bool length_ok = false;
  bool body_ok = true;
};

// What nghttp2 calls.
struct H2LoadCallbacks {
  using Exchange = H2LoadRun::Exchange;
  static Exchange* exchange(nghttp2_session* session, int32_t id) {
    return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static H2LoadRun& run(void* user) { return static_cast<H2LoadRun::Connection*>(user)->run; }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t, void* user) {
    Exchange* e = exchange(session, frame->hd.stream_id);
    if (e == nullptr) return 0;
    const std::string_view n = text(name, name_size);
    if (n == ":status") e->status_ok = text(value, value_size) == "200";
    if (n == "content-length") e->length_ok = text(value, value_size) == run(user).length_;
    return 0;
  }
  static int on_data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t size,
                     void* user) {
    Exchange* e = exchange(session, id);
    if (e == nullptr) return 0;
    const bool fits = e->body_at + size <= run(user).expected_length_;
    e->body_ok = e->body_ok && fits &&
                 run(user).pattern_.matches(reinterpret_cast<const char*>(data), size, e->body_at);
    e->body_at += size;
    return 0;
  }
  static int on_close(nghttp2_session* session, int32_t id, uint32_t code, void* user) {
    if (Exchange* e = exchange(session, id)) run(user).ended(*e, code);
    return 0;
  }
};

H2LoadRun::H2LoadRun(const LoadPlan& plan)
    : plan_(plan),
      tls_(plan.tls ? std::make_unique<TlsClientSetup>("h2") : nullptr),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) die("epoll_create1");
  const std::string_view path = plan_.path;
  expected_length_ = leading_number(path.substr(path.starts_with("/bytes/") ? 7 : path.size()));
  length_ = std::to_string(expected_length_);
  for (uint64_t i = 0; i < plan_.users; ++i) users_.push_back(user_name(i));
  nghttp2_session_callbacks_new(&callbacks_);
  nghttp2_session_callbacks_set_on_header_callback(callbacks_, H2LoadCallbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks_, H2LoadCallbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks_, H2LoadCallbacks::on_close);
  for (size_t i = 0; i < plan_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(*this));
  }
}

H2LoadRun::~H2LoadRun() {
  connections_.clear();
  nghttp2_session_callbacks_del(callbacks_);
  close(epoll_);
}

// --- The phases --------------------------------------------------------------------------------------------------------

void H2LoadRun::connect_all() {
  streams_ = 1;
  limit_ = connections_.size();
  last_answer_ns_ = now_ns();
  size_t opened = 0;
  while (opened < connections_.size() || in_flight_ > 0) {
    while (opened < connections_.size() && in_flight_ < kRampConcurrency) {
      Connection& c = *connections_[opened++];
      open(c);
      ++issued_;
      ask(c);
      serve(c, EPOLLOUT);
    }
    poll(INT64_MAX);
    if (result_.errors > 0) {
      errno = 0;
      die("the first request on a connection failed: " + result_.first_error);
    }
  }
}

LoadResult H2LoadRun::measure(const LoadPhase& phase) {
  if (phase.rate != 0) die("--rate is for HTTP/1");
  result_ = {};
  issued_ = 0;
  streams_ = plan_.streams;
  const bool open_ended = phase.requests == 0;
  limit_ = open_ended ? UINT64_MAX : phase.requests;
  const int64_t begin = now_ns();
  const int64_t end = begin + phase.nanoseconds;
  last_answer_ns_ = begin;
  if (open_ended && phase.nanoseconds == 0) return result_;
  for (auto& connection : connections_) {
    fill(*connection, streams_);
    serve(*connection, EPOLLOUT);
  }
  while (issued_ < limit_ || in_flight_ > 0) {
    if (open_ended && now_ns() >= end) limit_ = issued_;
    if (in_flight_ == 0 && issued_ >= limit_) break;
    poll(limit_ == UINT64_MAX ? end : INT64_MAX);
  }
  result_.duration_ns = last_answer_ns_ - begin;
  return result_;
}

void H2LoadRun::poll(int64_t until_ns) {
  const int64_t now = now_ns();
  if (in_flight_ > 0 && now - last_answer_ns_ > kStuckNs) {
    errno = 0;
    die("no answer for 10 seconds, " + std::to_string(in_flight_) + " requests in flight");
  }
  const int64_t wait = std::clamp<int64_t>(until_ns - now, 0, kStuckNs / 2);
  epoll_event events[256];
  const int count = epoll_wait(epoll_, events, std::size(events), static_cast<int>((wait + 999'999) / 1'000'000));
  for (int i = 0; i < count; ++i) serve(*static_cast<Connection*>(events[i].data.ptr), events[i].events);
}

// --- One connection ----------------------------------------------------------------------------------------------------

void H2LoadRun::open(Connection& c) {
  if (!c.wire.open(plan_.port, tls_.get())) die("connect");
  nghttp2_session_client_new(&c.session, callbacks_, &c);
  const std::array<nghttp2_settings_entry, 2> settings{
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow}}};
  nghttp2_submit_settings(c.session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(c.session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &c}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.wire.fd(), &event) != 0) die("epoll_ctl");
}

void H2LoadRun::fill(Connection& c, size_t streams) {
  while (c.wire.is_open() && c.active < streams && issued_ < limit_) {
    ++issued_;
    ask(c);
  }
}

// A user's name is not put into the compression's table: the next request has another one.
void H2LoadRun::ask(Connection& c) {
  if (spare_.empty()) spare_.push_back(std::make_unique<Exchange>());
  Exchange* e = spare_.back().release();
  spare_.pop_back();
  *e = {.connection = &c, .begin_ns = now_ns()};
  std::array<nghttp2_nv, 7> fields{field(":method", "GET"),
                                   field(":scheme", plan_.tls ? "https" : "http"),
                                   field(":authority", authority_),
                                   field(":path", plan_.path),
                                   field("user-agent", "flagmesh-bench"),
                                   field("accept", "*/*"),
                                   {}};
  size_t count = fields.size() - 1;
  if (!users_.empty()) {
    fields[count++] = field("x-user-id", users_[next_user_], NGHTTP2_NV_FLAG_NO_INDEX);
    if (++next_user_ == users_.size()) next_user_ = 0;
  }
  const int32_t id = nghttp2_submit_request(c.session, nullptr, fields.data(), count, nullptr, e);
  if (id < 0) die(std::string("nghttp2: ") + nghttp2_strerror(id));
  ++c.active;
  ++in_flight_;
}

void H2LoadRun::serve(Connection& c, uint32_t events) {
  if (!c.wire.is_open()) return;
  const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
  bool alive = !readable || read(c);
  if (alive) fill(c, streams_);
  alive = alive && write(c);
  if (!alive) die("a connection was lost with " + std::to_string(c.active) + " requests under way");
}

bool H2LoadRun::read(Connection& c) {
  do {
    const ssize_t size = c.wire.receive(scratch_, sizeof scratch_);
    if (size < 0 && errno == EAGAIN) return true;
    if (size <= 0) return false;
    const ssize_t taken = nghttp2_session_mem_recv(c.session, reinterpret_cast<uint8_t*>(scratch_),
                                                   static_cast<size_t>(size));
    if (taken != size) return false;
  } while (c.wire.has_more());
  return true;
}

bool H2LoadRun::write(Connection& c) {
  while (true) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(c.session, &bytes);
    if (size < 0) return false;
    if (size == 0) break;
    c.out.append(text(bytes, static_cast<size_t>(size)));
  }
  while (c.out_at < c.out.size()) {
    const ssize_t sent = c.wire.send(c.out.data() + c.out_at, c.out.size() - c.out_at);
    if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
      want_write(c, !c.wire.send_needs_reading());
      return true;
    }
    if (sent < 0) return false;
    c.out_at += static_cast<size_t>(sent);
  }
  c.out.clear();
  c.out_at = 0;
  want_write(c, false);
  return true;
}

void H2LoadRun::ended(Exchange& e, uint32_t code) {
  --e.connection->active;
  --in_flight_;
  last_answer_ns_ = now_ns();
  const bool whole = e.body_ok && e.body_at == expected_length_;
  if (code == NGHTTP2_NO_ERROR && e.status_ok && e.length_ok && whole) {
    result_.latency.record(last_answer_ns_ - e.begin_ns);
  } else {
    ++result_.errors;
    note(code != NGHTTP2_NO_ERROR ? "the stream was reset"
         : !e.status_ok           ? "another status than 200"
         : !e.length_ok           ? "another Content-Length than expected"
                                  : "a wrong body");
  }
  spare_.emplace_back(&e);
}

void H2LoadRun::note(const std::string& why) {
  if (result_.first_error.empty()) result_.first_error = why;
}

void H2LoadRun::want_write(Connection& c, bool wanted) {
  if (wanted == c.wants_write) return;
  c.wants_write = wanted;
  epoll_event event{.events = EPOLLIN | (wanted ? uint32_t{EPOLLOUT} : 0), .data = {.ptr = &c}};
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, c.wire.fd(), &event) != 0) die("epoll_ctl");
}

}  // namespace flagmesh::bench
