#include "proxy/net/tls_thread_io.h"

#include <openssl/bio.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace flagmesh::net {

// The functions that OpenSSL calls. They find the thread's buffers by themselves, so that an SSL may be freed on another thread.
struct TlsBioMethods {
  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    const int n = TlsThreadIo::this_thread().read(into, size);
    if (n < 0) BIO_set_retry_read(bio);
    return n;
  }
  static int write(BIO*, const char* from, int size) {
    TlsThreadIo::this_thread().out_.append(from, static_cast<size_t>(size));
    return size;
  }
  static long ctrl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* one = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "flagmesh thread buffers");
      BIO_meth_set_read(one, read);
      BIO_meth_set_write(one, write);
      BIO_meth_set_ctrl(one, ctrl);
      return one;
    }();
    return made;
  }
};

TlsThreadIo::TlsThreadIo()
    : bio_(BIO_new(TlsBioMethods::method())), in_(new char[kInBytes]), staging_(new char[kRecordBytes]) {
  BIO_set_init(bio_, 1);
  out_.reserve(kInBytes + 4096);
}

TlsThreadIo::~TlsThreadIo() { BIO_free(bio_); }

TlsThreadIo& TlsThreadIo::this_thread() {
  static thread_local TlsThreadIo io;
  return io;
}

void TlsThreadIo::begin(int fd, Buffer& left) {
  fd_ = fd;
  left_ = &left;
  error_ = 0;
  drained_ = blocked_ = eof_ = false;
}

void TlsThreadIo::end() {
  if (in_empty()) return;
  // What OpenSSL did not take comes before what did not fit in here.
  Buffer all;
  all.append({in_.get() + in_begin_, in_end_ - in_begin_});
  all.append(left_->view());
  left_->swap(all);
  in_begin_ = in_end_ = 0;
}

bool TlsThreadIo::refill() {
  in_begin_ = in_end_ = 0;
  if (!left_->empty()) {
    const std::string_view bytes = left_->view();
    in_end_ = std::min(bytes.size(), kInBytes);
    memcpy(in_.get(), bytes.data(), in_end_);
    left_->consume(in_end_);
    return true;
  }
  if (blocked_) return false;
  ssize_t n = 0;
  do {
    n = recv(fd_, in_.get(), kInBytes, 0);
  } while (n < 0 && errno == EINTR);
  drained_ = n < static_cast<ssize_t>(kInBytes);
  blocked_ = n <= 0;
  eof_ = n == 0;
  if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) error_ = errno;
  if (n > 0) in_end_ = static_cast<size_t>(n);
  return n > 0;
}

int TlsThreadIo::read(char* into, int size) {
  if (in_empty() && !refill()) return eof_ || error_ != 0 ? 0 : -1;
  const size_t taken = std::min(static_cast<size_t>(size), in_end_ - in_begin_);
  memcpy(into, in_.get() + in_begin_, taken);
  in_begin_ += taken;
  return static_cast<int>(taken);
}

}  // namespace flagmesh::net
