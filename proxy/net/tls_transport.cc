#include "proxy/net/tls_transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "proxy/net/tls_peer.h"
#include "proxy/net/tls_thread_io.h"

namespace flagmesh::net {

namespace {

// Plain bytes that are protected before the kernel is asked to take them.
constexpr size_t kChunkBytes = 4 * TlsThreadIo::kRecordBytes;
// A peer that makes us answer (key updates) and does not read is cut when so many bytes wait.
constexpr size_t kMaxUnsentBytes = 4 * kChunkBytes;

constexpr std::string_view kPlainHttpAnswer =
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 47\r\n"
    "x-flagmesh-reason: tls_plain_http\r\n\r\n400 Bad Request: this port speaks HTTPS (TLS).\n";

IoResult again() { return {.status = IoResult::Status::kAgain}; }
IoResult error(int number) { return {.status = IoResult::Status::kError, .error = number}; }

}  // namespace

// One use of the thread's buffers.
class TlsTransport::Turn {
 public:
  Turn(int fd, Buffer& left) : io(TlsThreadIo::this_thread()) {
    ERR_clear_error();  // what an earlier call of anybody left would be taken for this one's
    io.begin(fd, left);
  }
  ~Turn() { io.end(); }
  TlsThreadIo& io;
};

TlsTransport::TlsTransport(ssl_st* ssl, std::shared_ptr<const void> for_handshake)
    : ssl_(ssl), for_handshake_(std::move(for_handshake)) {
  BIO* bio = TlsThreadIo::this_thread().bio();
  BIO_up_ref(bio);
  SSL_set_bio(ssl_, bio, bio);
}

TlsTransport::~TlsTransport() { SSL_free(ssl_); }

// What SSL_get_error says, as our owner understands it.
IoResult TlsTransport::failed(int outcome, const Turn& turn, bool shaking) {
  const int kind = SSL_get_error(ssl_, outcome);
  if (kind == SSL_ERROR_WANT_READ) return again();
  if (kind == SSL_ERROR_ZERO_RETURN) return {.status = IoResult::Status::kClosed};
  broken_ = true;
  if (turn.io.error() != 0) return error(turn.io.error());
  // The end of the socket without a close_notify: somebody else may have caused it.
  if (turn.io.eof()) return shaking ? error(error_of(TlsFailure::kClosed)) : IoResult{.status = IoResult::Status::kClosed, .error = EPROTO};
  return error(error_of(tls_failure(ssl_)));
}

IoResult TlsTransport::send_out(int fd) {
  std::string& out = TlsThreadIo::this_thread().out();
  if (out.empty()) return {};
  ssize_t n = 0;
  if (unsent_.empty()) {
    do {
      n = send(fd, out.data(), out.size(), MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
  }
  const int failure = n < 0 && errno != EAGAIN && errno != EWOULDBLOCK ? errno : 0;
  const size_t sent = n > 0 ? static_cast<size_t>(n) : 0;
  if (failure == 0 && sent < out.size()) unsent_.append(std::string_view(out).substr(sent));
  out.clear();
  return failure == 0 ? IoResult{} : error(failure);
}

IoResult TlsTransport::send_unsent(int fd) {
  const std::string_view bytes = unsent_.view();
  ssize_t n = 0;
  do {
    n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return error(errno);
  if (n > 0) unsent_.consume(static_cast<size_t>(n));
  return unsent_.empty() ? IoResult{} : again();
}

IoResult TlsTransport::handshake(int fd) {
  IoResult result;
  if (!unsent_.empty()) (void)send_unsent(fd);
  {
    Turn turn(fd, left_);
    const int outcome = SSL_do_handshake(ssl_);
    if (outcome != 1) {
      result = failed(outcome, turn, true);
    } else if (resumed_with_expired(ssl_)) {
      broken_ = true;
      result = error(error_of(TlsFailure::kExpired));
    }
    may_read_ = !turn.io.drained();
    if (outcome == 1) for_handshake_.reset();
    // A browser that was sent to the wrong port shows this.
    if (result.error == error_of(TlsFailure::kPlainHttp) && SSL_is_server(ssl_) == 1) turn.io.out() = kPlainHttpAnswer;
  }
  const IoResult sent = send_out(fd);
  return result.status == IoResult::Status::kOk && sent.status != IoResult::Status::kOk ? sent : result;
}

IoResult TlsTransport::read(int fd, std::span<char> into) {
  IoResult result;
  if (broken_) return error(EPIPE);
  {
    Turn turn(fd, left_);
    size_t taken = 0;
    bool more = false;
    while (taken < into.size()) {
      size_t n = 0;
      const int outcome = SSL_read_ex(ssl_, into.data() + taken, into.size() - taken, &n);
      if (outcome != 1) {
        // What came before the end or an error is shown first; both are met again.
        if (taken == 0) {
          result = failed(outcome, turn, false);
        } else {
          more = SSL_get_error(ssl_, outcome) != SSL_ERROR_WANT_READ;
        }
        break;
      }
      taken += n;
      if (turn.io.empty() && turn.io.drained() && SSL_pending(ssl_) == 0) break;
    }
    may_read_ = !turn.io.drained() || SSL_pending(ssl_) != 0;
    result.drained = taken != 0 && !more && turn.io.empty() && !may_read_;
    result.bytes = taken;
  }
  // Reading may answer: a key update, an alert.
  if (!TlsThreadIo::this_thread().out().empty()) {
    (void)send_out(fd);
    if (unsent_.size() > kMaxUnsentBytes) {
      broken_ = true;
      return error(error_of(TlsFailure::kProtocol));
    }
  }
  return result;
}

// Protects the next plain bytes, in full records where there are enough, until a chunk is full or none are left.
bool TlsTransport::seal(std::span<const iovec> parts, size_t& part, size_t& offset, size_t& sealed) {
  char* staging = TlsThreadIo::this_thread().staging();
  size_t chunk = 0;
  while (part < parts.size() && chunk < kChunkBytes) {
    const char* from = static_cast<const char*>(parts[part].iov_base) + offset;
    size_t size = parts[part].iov_len - offset;
    if (size >= TlsThreadIo::kRecordBytes) {
      size = TlsThreadIo::kRecordBytes;
      offset += size;
    } else {
      // Pieces are put together, so that a record is full.
      size_t staged = 0;
      while (part < parts.size() && staged < TlsThreadIo::kRecordBytes) {
        const size_t piece = std::min(parts[part].iov_len - offset, TlsThreadIo::kRecordBytes - staged);
        if (piece != 0) memcpy(staging + staged, static_cast<const char*>(parts[part].iov_base) + offset, piece);
        staged += piece;
        offset += piece;
        if (offset == parts[part].iov_len) {
          ++part;
          offset = 0;
        }
      }
      from = staging;
      size = staged;
    }
    if (part < parts.size() && offset == parts[part].iov_len) {
      ++part;
      offset = 0;
    }
    size_t written = 0;
    if (size != 0 && SSL_write_ex(ssl_, from, size, &written) != 1) return false;
    sealed += size;
    chunk += size;
  }
  return true;
}

IoResult TlsTransport::write(int fd, std::span<const iovec> parts) {
  if (broken_) return error(EPIPE);
  if (!unsent_.empty()) {
    if (const IoResult sent = send_unsent(fd); sent.status != IoResult::Status::kOk) return sent;
  }
  Turn turn(fd, left_);
  IoResult result;
  size_t part = 0;
  size_t offset = 0;
  while (part < parts.size() && unsent_.empty()) {
    if (!seal(parts, part, offset, result.bytes)) {
      broken_ = true;
      TlsThreadIo::this_thread().out().clear();
      return error(error_of(tls_failure(ssl_)));
    }
    if (const IoResult sent = send_out(fd); sent.status != IoResult::Status::kOk) return sent;
  }
  return result;
}

void TlsTransport::shutdown(int fd) {
  if (broken_ || !SSL_is_init_finished(ssl_) || (SSL_get_shutdown(ssl_) & SSL_SENT_SHUTDOWN) != 0) return;
  Turn turn(fd, left_);
  (void)SSL_shutdown(ssl_);
  (void)send_out(fd);
}

std::unique_ptr<TlsInfo> TlsTransport::take_info() { return tls_info_of(ssl_); }

}  // namespace flagmesh::net
