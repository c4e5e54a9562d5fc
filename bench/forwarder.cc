// bench_forwarder --port P --to Q [--preconnect N]: the least that a proxy can do, as a lower
// bound: for every request one read and one write in each direction, one epoll, nothing looked at.
// Every downstream connection has an upstream connection of its own; N of them are opened before
// the first client comes. One thread.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/tool.h"

namespace flagmesh::bench {
namespace {

struct Pair;

struct Side {
  int fd = -1;
  Pair* pair = nullptr;
  Side* other = nullptr;
  std::string waiting;  // read from the other side, not yet taken by this socket; the other side is
                        // not read meanwhile
};

struct Pair {
  Side down;
  Side up;
  bool dead = false;
};

class Forwarder {
 public:
  Forwarder(uint16_t port, uint16_t to, size_t preconnect)
      : epoll_(epoll_create1(EPOLL_CLOEXEC)), listener_(listen_local(port)), to_(to) {
    if (epoll_ < 0) die("epoll_create1");
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN, nullptr);
    for (size_t i = 0; i < preconnect; ++i) ready_.push_back(open_upstream());
  }

  [[noreturn]] void run() {
    epoll_event events[256];
    while (true) {
      const int count = epoll_wait(epoll_, events, std::size(events), -1);
      for (int i = 0; i < count; ++i) {
        auto* side = static_cast<Side*>(events[i].data.ptr);
        if (side == nullptr) {
          accept_all();
        } else if (!side->pair->dead) {
          serve(*side, events[i].events);
        }
      }
      for (Pair* pair : dead_) delete pair;
      dead_.clear();
    }
  }

 private:
  int open_upstream() const {
    const int fd = connect_local(to_);
    if (fd < 0) die("connect to the origin");
    return fd;
  }

  void watch(int operation, int fd, uint32_t events, Side* side) const {
    epoll_event event{.events = events, .data = {.ptr = side}};
    if (epoll_ctl(epoll_, operation, fd, &event) != 0) die("epoll_ctl");
  }

  // A side is read while nothing waits for the other one, and waits to be writable while something
  // waits for it.
  void update(Side& side) const {
    const uint32_t in = side.other->waiting.empty() ? uint32_t{EPOLLIN} : 0;
    const uint32_t out = side.waiting.empty() ? 0 : uint32_t{EPOLLOUT};
    watch(EPOLL_CTL_MOD, side.fd, in | out, &side);
  }

  void accept_all() {
    for (int fd = accept_from(listener_); fd >= 0; fd = accept_from(listener_)) {
      int upstream;
      if (ready_.empty()) {
        upstream = open_upstream();
      } else {
        upstream = ready_.back();
        ready_.pop_back();
      }
      auto* pair = new Pair;
      pair->down = {.fd = fd, .pair = pair, .other = &pair->up, .waiting = {}};
      pair->up = {.fd = upstream, .pair = pair, .other = &pair->down, .waiting = {}};
      watch(EPOLL_CTL_ADD, fd, EPOLLIN, &pair->down);
      watch(EPOLL_CTL_ADD, upstream, EPOLLIN, &pair->up);
    }
  }

  void serve(Side& side, uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !send_waiting(side)) return close_pair(*side.pair);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && side.other->waiting.empty()) {
      if (!forward(side)) close_pair(*side.pair);
    }
  }

  // One read and one write. False when the pair is over.
  bool forward(Side& from) {
    const ssize_t size = recv(from.fd, scratch_, sizeof scratch_, 0);
    if (size <= 0) return size < 0 && errno == EAGAIN;
    const ssize_t sent = send(from.other->fd, scratch_, static_cast<size_t>(size), 0);
    if (sent == size) return true;
    if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) return false;
    from.other->waiting.assign(scratch_ + (sent > 0 ? sent : 0), scratch_ + size);
    update(from);
    update(*from.other);
    return true;
  }

  bool send_waiting(Side& to) {
    if (to.waiting.empty()) return true;
    const ssize_t sent = send(to.fd, to.waiting.data(), to.waiting.size(), 0);
    if (sent < 0) return errno == EAGAIN;
    to.waiting.erase(0, static_cast<size_t>(sent));
    if (!to.waiting.empty()) return true;
    to.waiting.shrink_to_fit();
    update(to);
    update(*to.other);
    return true;
  }

  void close_pair(Pair& pair) {
    close(pair.down.fd);
    close(pair.up.fd);
    pair.dead = true;  // an event of this turn may still name it
    dead_.push_back(&pair);
  }

  const int epoll_;
  const int listener_;
  const uint16_t to_;
  std::vector<int> ready_;
  std::vector<Pair*> dead_;
  char scratch_[kScratchBytes];
};

}  // namespace
}  // namespace flagmesh::bench

int main(int argc, char** argv) {
  using namespace flagmesh::bench;
  prepare_process();
  const Options options(argc, argv, {"port", "to", "preconnect"}, {});
  static Forwarder forwarder(static_cast<uint16_t>(options.number("port", 9071)),
                             static_cast<uint16_t>(options.number("to", 8080)),
                             options.number("preconnect", 0));
  forwarder.run();
}
