#include "proxy/net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/limits.h"

namespace flagmesh::net {

namespace {

// A socket file is left behind by a process that died. Only one that refuses connections is removed.
void remove_dead_socket(const Address& address) {
  struct stat info {};
  const std::string path = address.ip();
  if (stat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  // Not blocking: one whose queue is full is alive, too.
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return;
  if (connect(probe, address.data(), address.size()) != 0 && errno == ECONNREFUSED) unlink(path.c_str());
  close(probe);
}

std::unexpected<Error> bind_failure(const Address& address, int error) {
  std::string mend;
  struct stat file {};
  const bool in_the_way = address.is_unix() && stat(address.ip().c_str(), &file) == 0 && !S_ISSOCK(file.st_mode);
  if (error == EADDRINUSE && in_the_way) {
    mend = "a file that is no socket has that name; remove it or choose another path";
  } else if (error == EADDRINUSE) {
    mend = "another process listens there; stop it or choose another port";
  } else if (error == EACCES) {
    mend = address.is_unix() ? "the folder cannot be written to" : "ports below 1024 need CAP_NET_BIND_SERVICE";
  }
  return fail("listen", strerror(error), address.text(), std::move(mend));
}

bool has_option(int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, level, name, &value, &length) == 0 && value != 0;
}

void set_keepalive(int fd, const TcpKeepalive& keepalive) {
  const int on = keepalive.on ? 1 : 0;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  const std::pair<int, uint32_t> numbers[] = {
      {TCP_KEEPIDLE, keepalive.idle}, {TCP_KEEPINTVL, keepalive.interval}, {TCP_KEEPCNT, keepalive.count}};
  for (const auto& [name, number] : numbers) {
    const int value = static_cast<int>(number);
    if (value != 0) setsockopt(fd, IPPROTO_TCP, name, &value, sizeof value);
  }
}

}  // namespace

Result<int> listen_on(const Address& address, const ListenOptions& options) {
  if (address.is_unix()) remove_dead_socket(address);
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail("listen", std::string("socket: ") + strerror(errno), address.text());
  const int on = 1;
  if (!address.is_unix()) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (options.reuse_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    // Inherited by accepted sockets: saves a call for each.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (address.family() == AF_INET6) {
    const int only = options.ipv6_only ? 1 : 0;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  if (bind(fd, address.data(), address.size()) != 0) {
    const int error = errno;
    close(fd);
    return bind_failure(address, error);
  }
  if (Status adjusted = adjust_listening(fd, options); !adjusted) {
    close(fd);
    return std::unexpected(adjusted.error());
  }
  return fd;
}

Status adjust_listening(int fd, const ListenOptions& options) {
  const Result<Address> address = bound_address(fd);
  if (!address) return std::unexpected(address.error());
  const bool v6 = address->family() == AF_INET6;
  bool fixed = true;  // what only a new socket can change is as it shall be
  if (!address->is_unix()) {
    set_keepalive(fd, options.keepalive);
    fixed = has_option(fd, SOL_SOCKET, SO_REUSEPORT) == options.reuse_port &&
            (!v6 || has_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == options.ipv6_only);
  } else if (options.mode >= 0 && chmod(address->ip().c_str(), static_cast<mode_t>(options.mode)) != 0) {
    return fail("listen", std::string("chmod: ") + strerror(errno), address->text());
  }
  // Nobody can connect before this, so nobody does under another mode.
  if (listen(fd, options.backlog) != 0) return fail("listen", strerror(errno), address->text());
  if (fixed) return {};
  return fail("listen", "reuse_port and ipv6_only stay as they are while the listener is open", address->text(),
              "restart, or give it another port");
}

Result<Address> bound_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    return fail("listen", std::string("getsockname: ") + strerror(errno));
  }
  return Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length);
}

Listener::Listener(event::Loop& loop, std::shared_ptr<ListenSocket> socket, OnAccept on_accept)
    : loop_(loop),
      socket_(std::move(socket)),
      on_accept_(std::move(on_accept)),
      retry_([](void* self) { static_cast<Listener*>(self)->resume(); }, this) {}

Listener::~Listener() { release(); }

Status Listener::start() { return io_.open(loop_, socket_->fd(), event::Io::Mode::kLevelRead, *this); }

void Listener::pause() {
  io_.close();
  retry_.cancel();
}

void Listener::resume() {
  if (socket_ != nullptr && !io_.is_open()) (void)start();
}

void Listener::drain_and_close() {
  while (socket_ != nullptr && accept_one()) {
  }
  release();
}

void Listener::release() {
  io_.close();
  retry_.cancel();
  socket_.reset();
}

void Listener::refuse_with(DescriptorReserve& reserve, std::function<std::string()> answer, Counter& refused) {
  reserve_ = &reserve;
  answer_ = std::move(answer);
  refused_ = &refused;
}

// Level-triggered readiness would spin: look again in a moment.
void Listener::out_of_descriptors() {
  for (unsigned i = 0; i < kRefusals && reserve_ != nullptr && reserve_->spend(); ++i) {
    const int fd = accept4(socket_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      // What it said already is read, or closing would reset the connection before it has our answer.
      char said[4096];
      while (recv(fd, said, sizeof said, 0) == static_cast<ssize_t>(sizeof said)) {
      }
      const std::string answer = answer_();
      (void)send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      close(fd);
      refused_->add();
    }
    reserve_->refill();
    if (fd < 0) break;
  }
  pause();
  retry_.set(loop_.timers(), loop_.now_ms() + kOutOfDescriptorsPauseMs);
}

void Listener::on_io(bool, bool, bool) {
  for (unsigned i = 0; i < limits::kAcceptBudget && socket_ != nullptr; ++i) {
    if (!accept_one()) return;
  }
}

bool Listener::accept_one() {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  const int fd =
      accept4(socket_->fd(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    on_accept_(fd, Address::from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length));
    return true;
  }
  if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) return true;
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    out_of_descriptors();
  }
  return false;
}

}  // namespace flagmesh::net
