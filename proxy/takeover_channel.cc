#include "proxy/takeover_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace flagmesh::takeover {

namespace {

// Large enough for what one side sends before the other reads.
constexpr int kSendBuffer = 4 * 1024 * 1024;
// A peer that does not read what was asked for is given up.
constexpr MonoMs kSendWaitMs = 1'000;

bool fill_address(const std::string& path, sockaddr_un& out) {
  out = {};
  out.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof out.sun_path) return false;
  memcpy(out.sun_path, path.data(), path.size());
  return true;
}

std::unexpected<Error> trouble(const std::string& path, const char* what) {
  return fail("takeover", std::string(what) + ": " + strerror(errno), path);
}

int new_socket() {
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
  return fd;
}

}  // namespace

// --- Descriptors
// -------------------------------------------------------------------------------------------------------

Descriptors& Descriptors::operator=(Descriptors&& other) noexcept {
  std::swap(fds_, other.fds_);
  return *this;
}

int Descriptors::take(size_t index) {
  return std::exchange(fds_[index], -1);
}

void Descriptors::clear() {
  for (const int fd : fds_) {
    if (fd >= 0) close(fd);
  }
  fds_.clear();
}

// --- Channel
// -----------------------------------------------------------------------------------------------------------

Channel::~Channel() {
  close(fd_);
}

Result<std::unique_ptr<Channel>> Channel::connect(const std::string& path) {
  sockaddr_un address{};
  if (!fill_address(path, address))
    return fail("takeover", "a socket's path has 1 to 107 bytes", path);
  const int fd = new_socket();
  if (fd < 0) return trouble(path, "socket");
  auto channel = std::make_unique<Channel>(fd);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return nullptr;
    return trouble(path, "cannot reach the running router");
  }
  if (Status checked = channel->check_peer(); !checked) return std::unexpected(checked.error());
  return channel;
}

Status Channel::check_peer() const {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(fd_, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return fail("takeover_peer",
                std::string("cannot tell who is at the other end: ") + strerror(errno));
  }
  if (peer.uid == geteuid() || peer.uid == 0) return {};
  return fail("takeover_peer",
              "the process at the other end belongs to user " + std::to_string(peer.uid), {},
              "run both routers as the same user");
}

Status Channel::send(const Message& message, const std::vector<int>& fds) {
  std::string packet = encode(message);
  iovec part{packet.data(), packet.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxDescriptors)> control{};
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t sent = 0;
  for (const MonoMs until = mono_ms() + kSendWaitMs;;) {
    sent = sendmsg(fd_, &header, MSG_NOSIGNAL);
    if (sent >= 0 || (errno != EINTR && errno != EAGAIN) || mono_ms() >= until) break;
    pollfd full{.fd = fd_, .events = POLLOUT, .revents = 0};  // net.unix.max_dgram_qlen is small
    (void)poll(&full, 1, 50);
  }
  if (sent < 0)
    return fail("takeover_closed", std::string("cannot tell the other router: ") + strerror(errno));
  return {};
}

namespace {

void take_rights(msghdr& header, Descriptors& out) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      out.add(fd);
    }
  }
}

}  // namespace

Result<Received> Channel::receive(uint32_t wait_ms) {
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  const MonoMs until = mono_ms() + wait_ms;
  for (;;) {
    const MonoMs now = mono_ms();
    const int ready = poll(&waiting, 1, now >= until ? 0 : static_cast<int>(until - now));
    if (ready > 0) break;
    if (ready == 0) return fail("takeover_timeout", "the other router says nothing");
    if (errno != EINTR) return fail("takeover", std::string("poll: ") + strerror(errno));
  }
  std::string packet(kMaxPacket + 1, '\0');
  iovec part{packet.data(), packet.size()};
  // Room for more than is allowed, so that too many are seen, not cut off.
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 253)> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t n = 0;
  // Who closes with something of ours unread resets us; what it said before is still there behind that error, which is told once.
  bool reset = false;
  do {
    n = recvmsg(fd_, &header, MSG_CMSG_CLOEXEC);
  } while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !std::exchange(reset, true))));
  Received received;
  if (n >= 0) take_rights(header, received.descriptors);
  if (n <= 0) return fail("takeover_closed", "the other router ended the conversation");
  packet.resize(static_cast<size_t>(n));
  Result<Message> message = decode(packet);
  if (!message) return std::unexpected(message.error());
  const size_t expected = message->kind == Kind::kSockets ? message->sockets.size() : 0;
  if ((header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0 ||
      received.descriptors.size() != expected) {
    return fail("bad_takeover", "the other router's message came with the wrong descriptors");
  }
  received.message = std::move(*message);
  return received;
}

// --- Door
// --------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Door>> Door::open(const std::string& path) {
  sockaddr_un address{};
  std::unique_ptr<Door> door;
  if (!fill_address(path + ".new", address)) {
    return fail("takeover", "a take-over socket's path has 1 to 103 bytes", path);
  }
  const int fd = new_socket();
  if (fd < 0) return trouble(path, "socket");
  door.reset(new Door(fd, path));
  unlink(door->temporary().c_str());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return trouble(path, "cannot make the take-over socket");
  }
  struct stat file {};
  if (chmod(address.sun_path, 0600) != 0 || stat(address.sun_path, &file) != 0 ||
      listen(fd, 8) != 0) {
    return trouble(path, "cannot make the take-over socket");
  }
  door->device_ = file.st_dev;
  door->inode_ = file.st_ino;
  return door;
}

Door::~Door() {
  close(fd_);
  for (const std::string& name : {path_, temporary()}) {
    struct stat file {};
    if (stat(name.c_str(), &file) == 0 && file.st_ino == inode_ && file.st_dev == device_) {
      unlink(name.c_str());
    }
  }
}

Status Door::publish() {
  if (rename(temporary().c_str(), path_.c_str()) != 0)
    return trouble(path_, "cannot make the take-over socket");
  return {};
}

std::unique_ptr<Channel> Door::accept() {
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return nullptr;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
  return std::make_unique<Channel>(fd);
}

}  // namespace flagmesh::takeover
