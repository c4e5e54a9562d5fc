// bench_h2_origin --ports P1,P2,...: bench_origin for proxies that speak HTTP/2 to it: prior knowledge
// on clear text, nghttp2, one thread, one epoll.
//
//   GET /bytes/N   200 with the first N bytes of the pattern (N <= 256 KiB)
//   GET /health    200, empty
//   others         404
#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>

#include "bench/tool.h"

namespace flagmesh::bench {
namespace {

struct Exchange {
  std::string path;
  uint64_t at = 0;
  uint64_t length = 0;
};

struct Connection {
  int fd;
  nghttp2_session* session = nullptr;
  std::string out;
  size_t out_at = 0;
  bool wants_write = false;
};

const Pattern& pattern() {
  static const Pattern made;
  return made;
}

const std::string& date() {
  static time_t last = 0;
  static std::string text;
  if (const time_t now = time(nullptr); now != last) {
    char bytes[40];
    tm parts;
    strftime(bytes, sizeof bytes, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
    last = now;
    text = bytes;
  }
  return text;
}

nghttp2_nv field(const char* name, const std::string& value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name)),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), strlen(name), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

Exchange* exchange(nghttp2_session* session, int32_t id) {
  return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, id));
}

int on_begin(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, new Exchange);
  }
  return 0;
}

int on_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
              const uint8_t* value, size_t value_size, uint8_t, void*) {
  Exchange* e = exchange(session, frame->hd.stream_id);
  const bool path = name_size == 5 && memcmp(name, ":path", 5) == 0;
  if (e != nullptr && path) e->path.assign(reinterpret_cast<const char*>(value), value_size);
  return 0;
}

ssize_t read_body(nghttp2_session*, int32_t, uint8_t* into, size_t room, uint32_t* flags,
                  nghttp2_data_source* source, void*) {
  Exchange& e = *static_cast<Exchange*>(source->ptr);
  const size_t size = std::min<size_t>(room, e.length - e.at);
  memcpy(into, pattern().at(e.at), size);
  e.at += size;
  if (e.at == e.length) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(size);
}

void answer(nghttp2_session* session, int32_t id, Exchange& e) {
  std::string status = "404";
  if (e.path.starts_with("/bytes/")) {
    status = "200";
    e.length = std::min<uint64_t>(leading_number(std::string_view(e.path).substr(7)), kScratchBytes);
  } else if (e.path == "/health") {
    status = "200";
  }
  const std::string length = std::to_string(e.length);
  const std::string server = "origin";
  const std::string type = "application/octet-stream";
  const std::array<nghttp2_nv, 5> fields{field(":status", status), field("server", server), field("date", date()),
                                         field("content-type", type), field("content-length", length)};
  const nghttp2_data_provider body{.source = {.ptr = &e}, .read_callback = read_body};
  nghttp2_submit_response(session, id, fields.data(), fields.size(), e.length == 0 ? nullptr : &body);
}

int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (!end || !message) return 0;
  if (Exchange* e = exchange(session, frame->hd.stream_id)) answer(session, frame->hd.stream_id, *e);
  return 0;
}

int on_close(nghttp2_session* session, int32_t id, uint32_t, void*) {
  delete exchange(session, id);
  return 0;
}

class Origin {
 public:
  explicit Origin(const std::string& ports) : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    nghttp2_session_callbacks_new(&callbacks_);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks_, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks_, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks_, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks_, on_close);
    listen_all(epoll_, ports, kListenerMark);
  }

  [[noreturn]] void run() {
    epoll_event events[256];
    while (true) {
      const int count = epoll_wait(epoll_, events, std::size(events), -1);
      for (int i = 0; i < count; ++i) {
        if ((events[i].data.u64 & kListenerMark) != 0) {
          accept_all(static_cast<int>(events[i].data.u64 & ~kListenerMark));
          continue;
        }
        auto* connection = static_cast<Connection*>(events[i].data.ptr);
        const bool readable = (events[i].events & ~EPOLLOUT) != 0;
        if ((!readable || receive(*connection)) && flush(*connection)) continue;
        nghttp2_session_del(connection->session);
        close(connection->fd);
        delete connection;
      }
    }
  }

 private:
  static constexpr uint64_t kListenerMark = uint64_t{1} << 63;  // user space pointers never have it

  void accept_all(int listener) {
    for (int fd = accept_from(listener); fd >= 0; fd = accept_from(listener)) {
      auto* connection = new Connection{.fd = fd};
      nghttp2_session_server_new(&connection->session, callbacks_, connection);
      const nghttp2_settings_entry streams{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1000};
      nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, &streams, 1);
      epoll_event event{.events = EPOLLIN, .data = {.ptr = connection}};
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
      flush(*connection);
    }
  }

  bool receive(Connection& c) {
    const ssize_t size = recv(c.fd, scratch_, sizeof scratch_, 0);
    if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
    return nghttp2_session_mem_recv(c.session, reinterpret_cast<uint8_t*>(scratch_), static_cast<size_t>(size)) == size;
  }

  // False when the connection is over.
  bool flush(Connection& c) {
    const uint8_t* bytes = nullptr;
    ssize_t size = 0;
    while (c.out.size() < kScratchBytes && (size = nghttp2_session_mem_send(c.session, &bytes)) > 0) {
      c.out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
    }
    while (c.out_at < c.out.size()) {
      const ssize_t sent = send(c.fd, c.out.data() + c.out_at, c.out.size() - c.out_at, 0);
      if (sent < 0) return errno == EAGAIN && want_write(c, true);
      c.out_at += static_cast<size_t>(sent);
    }
    const bool more = size > 0;
    c.out.clear();
    c.out_at = 0;
    if (more) return flush(c);
    return want_write(c, false) && (nghttp2_session_want_read(c.session) != 0 || nghttp2_session_want_write(c.session) != 0);
  }

  bool want_write(Connection& c, bool wanted) {
    if (wanted == c.wants_write) return true;
    c.wants_write = wanted;
    epoll_event event{.events = EPOLLIN | (wanted ? uint32_t{EPOLLOUT} : 0), .data = {.ptr = &c}};
    return epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event) == 0;
  }

  const int epoll_;
  nghttp2_session_callbacks* callbacks_ = nullptr;
  char scratch_[kScratchBytes];
};

}  // namespace
}  // namespace flagmesh::bench

int main(int argc, char** argv) {
  using namespace flagmesh::bench;
  prepare_process();
  const Options options(argc, argv, {"ports"}, {});
  static Origin origin(options.text("ports", "8080"));
  origin.run();
}
