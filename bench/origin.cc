// bench_origin --ports P1,P2,...: an HTTP/1.1 origin on 127.0.0.1 that costs little, one thread,
// one epoll.
//
//   GET  /bytes/N   200 with the first N bytes of the pattern (N <= 256 KiB)
//   POST, PUT any   reads a body of Content-Length bytes, checks it against the pattern, answers
//   its length in decimal;
//                   400 when a byte differs
//   GET  /stats     {"connections": accepted so far, "requests": answered so far}
//   GET  /health    200, empty
//   others          404; a chunked request 501
//
// Connections are kept open unless the request says `Connection: close`.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <string>
#include <unordered_set>

#include "bench/message_head.h"
#include "bench/tool.h"

namespace flagmesh::bench {
namespace {

struct Connection {
  explicit Connection(int socket) : fd(socket) {}

  const int fd;
  std::string head_part;   // an incomplete head, kept between reads
  uint64_t body_left = 0;  // of the upload that is being read
  uint64_t body_read = 0;
  bool body_wrong = false;
  bool in_body = false;
  bool close_after = false;
  bool wants_write = false;  // EPOLLOUT is registered
  std::string out_head;      // what the socket did not take, and then
  uint64_t out_body_at = 0;  // the pattern from here
  uint64_t out_body_left = 0;
};

class Origin {
 public:
  explicit Origin(const std::string& ports) : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) die("epoll_create1");
    listen_all(epoll_, ports, kListenerMark);
  }

  [[noreturn]] void run() {
    epoll_event events[256];
    while (true) {
      const int count = epoll_wait(epoll_, events, std::size(events), -1);
      for (int i = 0; i < count; ++i) {
        if ((events[i].data.u64 & kListenerMark) != 0) {
          accept_all(static_cast<int>(events[i].data.u64 & ~kListenerMark));
        } else {
          serve(static_cast<Connection*>(events[i].data.ptr), events[i].events);
        }
      }
    }
  }

 private:
  static constexpr uint64_t kListenerMark = uint64_t{1} << 63;  // user space pointers never have it

  void accept_all(int listener) {
    for (int fd = accept_from(listener); fd >= 0; fd = accept_from(listener)) {
      const int size = 1 << 20;  // a whole answer fits, so the origin rarely waits for writability
      setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
      auto* connection = new Connection(fd);
      epoll_event event{.events = EPOLLIN, .data = {.ptr = connection}};
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
      ++connections_;
    }
  }

  void serve(Connection* connection, uint32_t events) {
    bool alive = true;
    if ((events & EPOLLOUT) != 0) alive = flush(*connection);
    if (alive && (events & ~EPOLLOUT) != 0 && !connection->wants_write)
      alive = receive(*connection);
    if (!alive) {
      close(connection->fd);
      delete connection;
    }
  }

  // False when the connection is over.
  bool receive(Connection& c) {
    const ssize_t size = recv(c.fd, scratch_, sizeof scratch_, 0);
    if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
    std::string_view data(scratch_, static_cast<size_t>(size));
    std::string joined;
    if (!c.head_part.empty()) {
      joined = std::move(c.head_part) + std::string(data);
      c.head_part.clear();
      data = joined;
    }
    while (!data.empty()) {
      if (c.in_body) {
        take_body(c, data);
      } else {
        const auto head = scan_head(data);
        if (!head) {
          c.head_part = data;
          return true;
        }
        take_head(c, *head);
        data.remove_prefix(head->size);
      }
      if (!c.in_body && !flush(c)) return false;
    }
    return true;
  }

  void take_head(Connection& c, const MessageHead& head) {
    c.close_after = head.close;
    const std::string_view line = head.first_line;
    const size_t space = line.find(' ');
    const std::string_view target =
        space == std::string_view::npos ? "" : line.substr(space + 1, line.rfind(' ') - space - 1);
    const uint64_t length = head.content_length.value_or(0);
    if (head.chunked) {
      c.close_after = true;
      answer(c, "501 Not Implemented", "");
    } else if (line.starts_with("POST ") || line.starts_with("PUT ")) {
      c.in_body = true;
      c.body_left = length;
      c.body_read = 0;
      c.body_wrong = false;
      if (length == 0) end_body(c);
    } else if (target.starts_with("/bytes/")) {
      answer_pattern(c, std::min<uint64_t>(leading_number(target.substr(7)), kScratchBytes));
    } else if (target == "/stats") {
      answer(c, "200 OK",
             "{\"connections\": " + std::to_string(connections_) +
                 ", \"requests\": " + std::to_string(requests_) + "}\n");
    } else if (target == "/health") {
      answer(c, "200 OK", "");
    } else {
      answer(c, "404 Not Found", "");
    }
  }

  void take_body(Connection& c, std::string_view& data) {
    const size_t size = static_cast<size_t>(std::min<uint64_t>(c.body_left, data.size()));
    if (!pattern_.matches(data.data(), size, c.body_read)) c.body_wrong = true;
    c.body_read += size;
    c.body_left -= size;
    data.remove_prefix(size);
    if (c.body_left == 0) end_body(c);
  }

  void end_body(Connection& c) {
    c.in_body = false;
    answer(c, c.body_wrong ? "400 Bad Request" : "200 OK", std::to_string(c.body_read));
  }

  void append_head(Connection& c, std::string_view status, uint64_t length) {
    ++requests_;
    c.out_head.append("HTTP/1.1 ")
        .append(status)
        .append("\r\nServer: origin\r\nDate: ")
        .append(date());
    c.out_head.append("\r\nContent-Type: application/octet-stream\r\nContent-Length: ");
    c.out_head.append(std::to_string(length));
    c.out_head.append(c.close_after ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
  }

  void answer(Connection& c, std::string_view status, std::string_view body) {
    append_head(c, status, body.size());
    c.out_head.append(body);
  }

  void answer_pattern(Connection& c, uint64_t length) {
    append_head(c, "200 OK", length);
    if (length <= kCopiedBytes) {
      c.out_head.append(pattern_.at(0), length);
    } else {
      c.out_body_at = 0;
      c.out_body_left = length;
    }
  }

  // Writes what is waiting. False when the connection is over.
  bool flush(Connection& c) {
    while (!c.out_head.empty() || c.out_body_left > 0) {
      iovec parts[2] = {{c.out_head.data(), c.out_head.size()},
                        {const_cast<char*>(pattern_.at(c.out_body_at)), c.out_body_left}};
      const ssize_t sent = c.out_body_left == 0
                               ? send(c.fd, c.out_head.data(), c.out_head.size(), 0)
                               : writev(c.fd, parts, 2);
      if (sent < 0) return errno == EAGAIN && want_write(c, true);
      const size_t of_head = std::min(static_cast<size_t>(sent), c.out_head.size());
      c.out_head.erase(0, of_head);
      c.out_body_at += static_cast<size_t>(sent) - of_head;
      c.out_body_left -= static_cast<size_t>(sent) - of_head;
    }
    return want_write(c, false) && !c.close_after;
  }

  bool want_write(Connection& c, bool wanted) {
    if (wanted == c.wants_write) return true;
    c.wants_write = wanted;
    epoll_event event{.events = EPOLLIN | (wanted ? uint32_t{EPOLLOUT} : 0), .data = {.ptr = &c}};
    return epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event) == 0;
  }

  const std::string& date() {
    const time_t now = time(nullptr);
    if (now != date_time_) {
      char text[40];
      tm parts;
      strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
      date_time_ = now;
      date_ = text;
    }
    return date_;
  }

  static constexpr uint64_t kCopiedBytes =
      4096;  // smaller bodies are copied behind their head: one plain send

  const int epoll_;
  const Pattern pattern_;
  uint64_t connections_ = 0;
  uint64_t requests_ = 0;
  time_t date_time_ = 0;
  std::string date_;
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
