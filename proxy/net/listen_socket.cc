#include "proxy/net/listen_socket.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "proxy/net/listener.h"

namespace flagmesh::net {

namespace {

int int_option(int fd, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

// The filter sees a segment from its TCP header on. One with SYN and without ACK opens a
// connection.
void drop_new_connections(int fd) {
  static constexpr uint32_t kFlagsAt = 13;
  static constexpr uint32_t kSyn = 0x02;
  static constexpr uint32_t kAck = 0x10;
  std::array<sock_filter, 5> program{{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsAt),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kSyn | kAck),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSyn, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  // Where it is not allowed, who comes between the last look and close(2) is reset, as everywhere.
  (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

}  // namespace

ListenSocket::ListenSocket(int fd) : fd_(fd) {
  if (Result<Address> bound = bound_address(fd); bound) address_ = *bound;
  struct stat file {};
  if (address_.is_unix() && stat(address_.ip().c_str(), &file) == 0) {
    device_ = file.st_dev;
    inode_ = file.st_ino;
  }
}

ListenSocket::~ListenSocket() {
  close(fd_);
}

Result<std::shared_ptr<ListenSocket>> ListenSocket::adopt(int fd) {
  if (int_option(fd, SO_ACCEPTCONN) != 1 || int_option(fd, SO_TYPE) != SOCK_STREAM) {
    close(fd);
    return fail("listen", "the descriptor is no listening stream socket");
  }
  // Both belong to the open socket or to us; a predecessor should have set them, but who knows.
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return std::make_shared<ListenSocket>(fd);
}

void ListenSocket::quiesce() {
  if (!address_.is_unix()) {
    drop_new_connections(fd_);
    return;
  }
  remove_file();
  // On a listening Unix socket this refuses who comes and keeps who is queued.
  shutdown(fd_, SHUT_RD);
}

void ListenSocket::remove_file() const {
  const std::string path = address_.ip();
  struct stat file {};
  if (inode_ == 0 || stat(path.c_str(), &file) != 0) return;
  if (file.st_dev == device_ && file.st_ino == inode_) unlink(path.c_str());
}

}  // namespace flagmesh::net
