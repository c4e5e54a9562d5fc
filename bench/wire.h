// One non-blocking socket of the load generators, clear or under TLS (OpenSSL on the socket; it is
// not what is measured).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace flagmesh::bench {

// What the TLS connections of one run have in common. TLS 1.3 with AES-128-GCM and X25519 only, so
// that every proxy protects with the same; the proxy's certificate is believed.
class TlsClientSetup {
 public:
  // `alpn`: "h2" or "http/1.1"; the proxy has to agree.
  explicit TlsClientSetup(const std::string& alpn);
  ~TlsClientSetup();
  TlsClientSetup(const TlsClientSetup&) = delete;
  TlsClientSetup& operator=(const TlsClientSetup&) = delete;

  // For a connected socket; `session` may be null.
  ssl_st* make(int fd, ssl_session_st* session) const;

 private:
  ssl_ctx_st* context_;
};

class Wire {
 public:
  Wire() = default;
  ~Wire() { close(); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Connects to 127.0.0.1:port; `tls` may be null. False when that failed at once.
  bool open(uint16_t port, const TlsClientSetup* tls, ssl_session_st* session = nullptr);
  void close();

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  ssl_st* ssl() { return ssl_; }

  // As send(2) and recv(2). EAGAIN from send(): wait for writability, or with send_needs_reading()
  // for bytes.
  ssize_t send(const char* data, size_t size);
  ssize_t receive(char* into, size_t size);
  bool send_needs_reading() const;
  // Bytes came that receive() has not shown, and of which epoll does not know.
  bool has_more() const;

 private:
  ssize_t failed(int outcome);

  int fd_ = -1;
  ssl_st* ssl_ = nullptr;
};

}  // namespace flagmesh::bench
