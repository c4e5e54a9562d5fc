#include "bench/wire.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "bench/tool.h"

namespace flagmesh::bench {

TlsClientSetup::TlsClientSetup(const std::string& alpn) : context_(SSL_CTX_new(TLS_client_method())) {
  const std::string wire = static_cast<char>(alpn.size()) + alpn;
  const bool ready =
      context_ != nullptr && SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION) == 1 &&
      SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256") == 1 &&
      SSL_CTX_set1_groups_list(context_, "X25519") == 1 &&
      SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(wire.data()),
                              static_cast<unsigned>(wire.size())) == 0;
  if (!ready) die("OpenSSL cannot be set up");
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}

TlsClientSetup::~TlsClientSetup() { SSL_CTX_free(context_); }

ssl_st* TlsClientSetup::make(int fd, ssl_session_st* session) const {
  SSL* ssl = SSL_new(context_);
  if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1) die("OpenSSL has no memory");
  SSL_set_tlsext_host_name(ssl, "bench.example");
  if (session != nullptr) SSL_set_session(ssl, session);
  SSL_set_connect_state(ssl);
  return ssl;
}

bool Wire::open(uint16_t port, const TlsClientSetup* tls, ssl_session_st* session) {
  fd_ = connect_local(port);
  if (fd_ >= 0 && tls != nullptr) ssl_ = tls->make(fd_, session);
  return fd_ >= 0;
}

void Wire::close() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  ssl_ = nullptr;
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

// EAGAIN, 0 for an end in order, or an error.
ssize_t Wire::failed(int outcome) {
  const int why = SSL_get_error(ssl_, outcome);
  if (why == SSL_ERROR_ZERO_RETURN) return 0;
  const bool again = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
  if (again) {
    errno = EAGAIN;
  } else if (why != SSL_ERROR_SYSCALL || errno == 0) {
    errno = EPROTO;
  }
  return -1;
}

ssize_t Wire::send(const char* data, size_t size) {
  if (ssl_ == nullptr) return ::send(fd_, data, size, 0);
  ERR_clear_error();
  size_t sent = 0;
  const int outcome = SSL_write_ex(ssl_, data, size, &sent);
  return outcome == 1 ? static_cast<ssize_t>(sent) : failed(outcome);
}

ssize_t Wire::receive(char* into, size_t size) {
  if (ssl_ == nullptr) return ::recv(fd_, into, size, 0);
  size_t taken = 0;
  while (taken < size) {
    ERR_clear_error();
    size_t n = 0;
    const int outcome = SSL_read_ex(ssl_, into + taken, size - taken, &n);
    if (outcome != 1) {
      if (taken != 0) break;  // met again at the next call
      return failed(outcome);
    }
    taken += n;
  }
  return static_cast<ssize_t>(taken);
}

bool Wire::send_needs_reading() const { return ssl_ != nullptr && SSL_want_read(ssl_); }
bool Wire::has_more() const { return ssl_ != nullptr && SSL_pending(ssl_) > 0; }

}  // namespace flagmesh::bench
