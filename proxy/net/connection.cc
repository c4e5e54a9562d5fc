#include "proxy/net/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace flagmesh::net {

namespace {

constexpr size_t kIovecs = 64;

// The C library's wrappers are cancellation points: in a program with threads each call takes two locked instructions more (1.3 % of a
// request's time). Sanitizers look at the wrappers, so they get them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
ssize_t receive(int fd, std::span<char> into) { return recv(fd, into.data(), into.size(), 0); }
ssize_t transmit(int fd, const iovec& part) { return send(fd, part.iov_base, part.iov_len, MSG_NOSIGNAL); }
#else
ssize_t receive(int fd, std::span<char> into) {
  return syscall(SYS_recvfrom, fd, into.data(), into.size(), 0, nullptr, nullptr);
}
ssize_t transmit(int fd, const iovec& part) {
  return syscall(SYS_sendto, fd, part.iov_base, part.iov_len, MSG_NOSIGNAL, nullptr, 0);
}
#endif

IoResult result_of(ssize_t n) {
  if (n > 0) return {.bytes = static_cast<size_t>(n)};
  if (n == 0) return {.status = IoResult::Status::kClosed};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {.status = IoResult::Status::kAgain};
  return {.status = IoResult::Status::kError, .error = errno};
}

}  // namespace

// --- Life --------------------------------------------------------------------------------------------------------------

Status Connection::start(int fd, std::unique_ptr<Transport> transport) {
  fd_ = fd;
  transport_ = std::move(transport);
  if (Status opened = io_.open(context_.loop(), fd, event::Io::Mode::kEdge, *this); !opened) {
    ::close(fd_);
    fd_ = -1;
    return opened;
  }
  if (transport_ == nullptr || connecting()) return {};
  // What the security layer has left from its handshake has no readiness of its own.
  if (transport_->unsent() != 0) waiting_ = std::make_unique<Buffer>();
  if (transport_->may_read()) {
    flags_ |= kReadable;
    context_.loop().schedule(*this);
  }
  return {};
}

Status Connection::start_handshake(int fd, std::unique_ptr<Transport> transport) {
  flags_ |= kConnecting | kHandshaking;
  return start(fd, std::move(transport));
}

Connection::Detached Connection::detach() {
  io_.close();
  flags_ = 0;
  waiting_.reset();
  return {.fd = std::exchange(fd_, -1), .transport = std::move(transport_)};
}

Status Connection::start_connect(const Address& to, std::unique_ptr<Transport> transport) {
  const int fd = socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    const bool no_descriptor = errno == EMFILE || errno == ENFILE;
    return fail(no_descriptor ? "no_descriptor" : "connect", std::string("socket: ") + strerror(errno), to.text());
  }
  if (!to.is_unix()) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  if (connect(fd, to.data(), to.size()) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(fd);
    return fail("connect", strerror(error), to.text());
  }
  flags_ |= kConnecting;
  return start(fd, std::move(transport));
}

// An end that is not announced looks like one that somebody else made; so it stays where bytes were lost.
void Connection::say_end() {
  if (transport_ != nullptr && !connecting() && waiting_ == nullptr && (flags_ & kDirty) == 0) transport_->shutdown(fd_);
}

void Connection::close() {
  if (fd_ < 0) return;
  say_end();
  io_.close_with_descriptor();
  ::close(fd_);
  fd_ = -1;
  kept_.reset();
  waiting_.reset();
  if (batch_ != nullptr && (flags_ & kDirty) == 0) batch_.reset();
  if ((flags_ & kDirty) != 0) {
    // Still in the context's list: leave it, so that the list stays whole even when this object dies before the flush.
    Connection** at = &context_.dirty_;
    while (*at != nullptr && *at != this) at = &(*at)->next_dirty_;
    if (*at == this) *at = next_dirty_;
    next_dirty_ = nullptr;
    if (batch_ != nullptr) context_.give_back(std::move(batch_));
  }
  transport_.reset();
  flags_ = 0;
}

void Connection::abort() {
  if (fd_ < 0) return;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  transport_.reset();
  close();
}

void Connection::close_when_written() {
  if (fd_ < 0 || closing()) return;
  flags_ |= kClosing | kShutdown;
  if (batch_ == nullptr && waiting_ == nullptr) all_written();
}

void Connection::close_at_once_when_written() {
  const bool unread = kept_ != nullptr || (flags_ & kReadable) != 0;
  if (fd_ >= 0 && !unread && !closing()) flags_ |= kNoLinger;
  close_when_written();
}

void Connection::shutdown_write() {
  if (fd_ < 0) return;
  flags_ |= kShutdown;
  if (batch_ == nullptr && waiting_ == nullptr) all_written();
}

void Connection::fail_with(CloseCause cause, int error) {
  if (cause == CloseCause::kError) {
    transport_.reset();
    close();
  }
  handler_.on_close(cause, error);
}

// --- Reading -----------------------------------------------------------------------------------------------------------

void Connection::on_io(bool readable, bool writable, bool closed) {
  // What earlier callbacks wrote goes first: whoever ends the connection below must not lose it.
  if ((flags_ & kDirty) != 0) [[unlikely]] {
    context_.flush();
    if (fd_ < 0) return;
  }
  if (connecting()) {
    // The edge is told once: a peer that speaks or leaves first is read at the end of the turn.
    if (readable || closed) flags_ |= kReadable;
    if (closed) flags_ |= kPeerClosed;
    if ((flags_ & kHandshaking) != 0) {
      handshake();
    } else if (writable || closed) {
      connect_finished();
    }
    if (fd_ >= 0 && !connecting() && (flags_ & kReadable) != 0) context_.loop().schedule(*this);
    if (fd_ >= 0 && !connecting() && waiting_ != nullptr) write_waiting();  // written before there was a connection
    return;
  }
  if (closed) flags_ |= kPeerClosed | kReadable;
  if (readable) flags_ |= kReadable;
  if (writable && waiting_ != nullptr) write_waiting();
  if (fd_ < 0 || paused_ != 0 || (flags_ & kReadable) == 0) return;
  if ((flags_ & kPatient) != 0 && !context_.loop().may_begin()) {
    context_.loop().begin_later(*this);
  } else {
    read_some();
  }
}

void Connection::connect_finished() {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    flags_ &= static_cast<uint16_t>(~kConnecting);
    fail_with(CloseCause::kError, error);
    return;
  }
  if (transport_ != nullptr) {
    flags_ |= kHandshaking;
    handshake();
    return;
  }
  flags_ &= static_cast<uint16_t>(~kConnecting);
  handler_.on_connected();
}

void Connection::handshake() {
  const IoResult result = transport_->handshake(fd_);
  if (result.status == IoResult::Status::kAgain) {
    flags_ &= static_cast<uint16_t>(~kReadable);
    return;
  }
  flags_ &= static_cast<uint16_t>(~(kConnecting | kHandshaking));
  if (result.status != IoResult::Status::kOk) {
    fail_with(CloseCause::kError, result.error != 0 ? result.error : ECONNRESET);
    return;
  }
  if (transport_->may_read() || (flags_ & kPeerClosed) != 0) {
    flags_ |= kReadable;
  } else {
    flags_ &= static_cast<uint16_t>(~kReadable);
  }
  if (transport_->unsent() != 0 && waiting_ == nullptr) waiting_ = std::make_unique<Buffer>();
  handler_.on_connected();
}

void Connection::resume(uint8_t reason) {
  if ((paused_ & reason) == 0) return;
  paused_ &= static_cast<uint8_t>(~reason);
  if (fd_ >= 0 && paused_ == 0) context_.loop().schedule(*this);
}

void Connection::on_turn() {
  if (fd_ < 0 || paused_ != 0) return;
  if (closing()) kept_.reset();
  if (kept_ != nullptr && !show({})) return;
  if (paused_ == 0 && (flags_ & kReadable) != 0) read_some();
}

void Connection::read_some() {
  size_t budget = limits::kReadBudgetBytes;
  while (paused_ == 0 && (flags_ & kReadable) != 0) {
    if (budget == 0) {
      context_.loop().schedule(*this);
      return;
    }
    const std::span<char> scratch = context_.scratch();
    const IoResult result = read(scratch);
    if (result.status == IoResult::Status::kAgain) {
      flags_ &= static_cast<uint16_t>(~kReadable);
      if ((flags_ & kWriteBroken) != 0) fail_with(CloseCause::kError, EPIPE);
      return;
    }
    if (result.status != IoResult::Status::kOk) {
      read_ended(result);
      return;
    }
    // A short read means drained, unless the end is known to be behind it; a security layer knows by itself.
    const bool drained = transport_ == nullptr ? result.bytes < scratch.size() : result.drained;
    if (drained && (flags_ & (kPeerClosed | kWriteBroken)) == 0) {
      flags_ &= static_cast<uint16_t>(~kReadable);
    }
    budget -= std::min(budget, result.bytes);
    if (closing()) continue;  // lingering: what still comes is dropped
    if (!show({scratch.data(), result.bytes})) return;
    if ((flags_ & kReadable) != 0) context_.flush();  // the scratch is used again
    if (fd_ < 0) return;
  }
}

void Connection::read_ended(const IoResult& result) {
  flags_ &= static_cast<uint16_t>(~kReadable);
  if (result.status == IoResult::Status::kClosed && (flags_ & kWriteBroken) == 0) {
    // Each edge tells of the end again; our owner hears it once, and at the end of close_when_written().
    if ((flags_ & kEnded) != 0 && !closing()) return;
    flags_ |= kEnded;
    handler_.on_close(CloseCause::kPeer, result.error);
  } else {
    fail_with(CloseCause::kError, result.error != 0 ? result.error : EPIPE);
  }
}

bool Connection::show(std::string_view fresh) {
  if (kept_ != nullptr) return show_kept(fresh);
  const size_t taken = handler_.on_bytes(fresh);
  if (fd_ < 0) return false;
  if (taken < fresh.size() && !closing()) {
    kept_ = std::make_unique<Buffer>();
    kept_->append(fresh.substr(taken));
  }
  return true;
}

bool Connection::show_kept(std::string_view fresh) {
  kept_->append(fresh);
  // Held here meanwhile: ending the connection inside must not free what is on show, nor what batches borrowed from it.
  std::unique_ptr<Buffer> shown = std::move(kept_);
  const size_t taken = handler_.on_bytes(shown->view());
  if (taken != 0 || fd_ < 0) context_.flush();
  if (fd_ < 0) return false;
  if (taken == shown->size() || closing()) return true;
  shown->consume(taken);
  kept_ = std::move(shown);
  return true;
}

IoResult Connection::read(std::span<char> into) {
  if (transport_ != nullptr) {
    const IoResult result = transport_->read(fd_, into);
    if (waiting_ == nullptr && transport_->unsent() != 0) waiting_ = std::make_unique<Buffer>();  // it answered by itself
    return result;
  }
  ssize_t n = 0;
  do {
    n = receive(fd_, into);
  } while (n < 0 && errno == EINTR);
  return result_of(n);
}

// --- Writing -----------------------------------------------------------------------------------------------------------

Output& Connection::output() {
  if (batch_ == nullptr) batch_ = context_.take_output();
  if ((flags_ & kDirty) == 0) {
    flags_ |= kDirty;
    next_dirty_ = context_.dirty_;
    context_.dirty_ = this;
  }
  return *batch_;
}

void Connection::flush() {
  flags_ &= static_cast<uint16_t>(~kDirty);
  std::unique_ptr<Output> batch = std::move(batch_);
  if (fd_ >= 0 && (flags_ & kWriteBroken) == 0 && !batch->empty()) {
    if (waiting_ != nullptr || connecting()) {
      if (waiting_ == nullptr) waiting_ = std::make_unique<Buffer>();
      batch->rest(0, [this](std::string_view bytes) { waiting_->append(bytes); });
    } else {
      write_batch(*batch);
    }
  }
  context_.give_back(std::move(batch));
  if (fd_ >= 0 && waiting_ == nullptr && batch_ == nullptr) all_written();
}

void Connection::write_batch(const Output& batch) {
  std::array<iovec, kIovecs> parts;
  const size_t count = batch.gather(parts);
  const IoResult result = write({parts.data(), count});
  if (result.status == IoResult::Status::kError || result.status == IoResult::Status::kClosed) {
    write_failed(result.error);
    return;
  }
  if (result.bytes == batch.size() && unsent() == 0) return;
  waiting_ = std::make_unique<Buffer>();
  batch.rest(result.bytes, [this](std::string_view bytes) { waiting_->append(bytes); });
  size_t gathered = 0;
  for (size_t i = 0; i < count; ++i) gathered += parts[i].iov_len;
  // The kernel took all it was shown: no edge will come, so go on here.
  if (result.bytes == gathered && unsent() == 0) write_waiting();
}

void Connection::write_waiting() {
  const size_t before = waiting();
  while (waiting() != 0) {
    const std::string_view bytes = waiting_->view();
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    const IoResult result = write({&part, 1});
    if (result.status == IoResult::Status::kAgain) break;
    if (result.status != IoResult::Status::kOk) {
      write_failed(result.error);
      return;
    }
    waiting_->consume(result.bytes);
    if (result.bytes < bytes.size() || unsent() != 0) break;
  }
  const size_t left = waiting();
  if (left == 0) {
    waiting_.reset();
    all_written();
  }
  if (fd_ >= 0 && before > limits::kBufferLowWatermark && left <= limits::kBufferLowWatermark) {
    handler_.on_write_ready();
  }
}

// The peer may have said something before it went away (an early error response): read that first, then tell.
void Connection::write_failed(int error) {
  waiting_.reset();
  if (closing() || paused_ != 0) {
    fail_with(CloseCause::kError, error);
    return;
  }
  flags_ |= kWriteBroken | kReadable;
  context_.loop().schedule(*this);
}

void Connection::all_written() {
  if ((flags_ & kShutdown) == 0 || (flags_ & kShutdownDone) != 0) return;
  if (transport_ != nullptr) {
    transport_->shutdown(fd_);
    if (unsent() != 0) {  // the kernel is full: goes on when it is not
      waiting_ = std::make_unique<Buffer>();
      return;
    }
  }
  flags_ |= kShutdownDone;
  if ((flags_ & kNoLinger) != 0) {
    close();
    handler_.on_close(CloseCause::kPeer, 0);
    return;
  }
  ::shutdown(fd_, SHUT_WR);
  if (!closing()) return;
  paused_ = 0;
  flags_ |= kReadable;
  context_.loop().schedule(*this);
}

IoResult Connection::write(std::span<const iovec> parts) {
  if (transport_ != nullptr) return transport_->write(fd_, parts);
  ssize_t n = 0;
  do {
    if (parts.size() == 1) {
      n = transmit(fd_, parts[0]);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(parts.data());
      message.msg_iovlen = parts.size();
      n = sendmsg(fd_, &message, MSG_NOSIGNAL);
    }
  } while (n < 0 && errno == EINTR);
  return result_of(n);
}

}  // namespace flagmesh::net
