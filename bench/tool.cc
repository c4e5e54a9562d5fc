#include "bench/tool.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace flagmesh::bench {
namespace {

sockaddr_in local_address(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void set_option(int fd, int level, int name, int value) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) die("setsockopt");
}

}  // namespace

void die(const std::string& what) {
  const int error = errno;
  fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what.c_str(), error ? ": " : "",
          error ? strerror(error) : "");
  exit(2);
}

int64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

void prepare_process() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) die("getrlimit");
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) die("setrlimit");
  signal(SIGPIPE, SIG_IGN);
}

int listen_local(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  const sockaddr_in address = local_address(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, 4096) != 0) {
    die("listen on port " + std::to_string(port));
  }
  return fd;
}

void listen_all(int epoll, std::string_view ports, uint64_t mark) {
  for (size_t begin = 0; begin < ports.size(); begin = ports.find(',', begin) + 1) {
    const int fd = listen_local(static_cast<uint16_t>(leading_number(ports.substr(begin))));
    epoll_event event{.events = EPOLLIN, .data = {.u64 = mark | static_cast<unsigned>(fd)}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
    if (ports.find(',', begin) == std::string_view::npos) break;
  }
}

int accept_from(int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  return fd;
}

int connect_local(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  const sockaddr_in address = local_address(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    close(fd);
    return -1;
  }
  return fd;
}

Pattern::Pattern() : text_(kScratchBytes + kPeriod, '\0') {
  uint32_t state = 1;
  for (size_t i = 0; i < text_.size(); ++i) {
    if (i % kPeriod == 0) state = 1;
    state = state * 1664525 + 1013904223;
    text_[i] = static_cast<char>('0' + (state >> 16) % 64);
  }
}

bool Pattern::matches(const char* data, size_t size, uint64_t offset) const {
  while (size > 0) {
    const size_t part = std::min(size, kScratchBytes);
    if (memcmp(data, at(offset), part) != 0) return false;
    data += part;
    offset += part;
    size -= part;
  }
  return true;
}

Options::Options(int argc, char** argv, const std::vector<std::string>& names,
                 const std::vector<std::string>& flags) {
  const auto listed = [](const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::string name = word.starts_with("--") ? word.substr(2) : "";
    errno = 0;
    if (listed(flags, name)) {
      values_[name] = "1";
    } else if (listed(names, name) && i + 1 < argc) {
      values_[name] = argv[++i];
    } else {
      die("unknown or incomplete option " + word);
    }
  }
}

std::string Options::text(const std::string& name, const std::string& fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second;
}

uint64_t Options::number(const std::string& name, uint64_t fallback) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  size_t end = 0;
  const uint64_t value = leading_number(found->second, &end);
  errno = 0;
  if (end == 0 || end != found->second.size()) die("--" + name + " needs a number");
  return value;
}

uint64_t leading_number(std::string_view text, size_t* end) {
  uint64_t value = 0;
  size_t i = 0;
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') {
    value = value * 10 + static_cast<uint64_t>(text[i++] - '0');
  }
  if (end != nullptr) *end = i;
  return value;
}

}  // namespace flagmesh::bench
