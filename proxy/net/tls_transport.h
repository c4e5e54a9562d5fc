// TLS over a connection's socket, either side.
#pragma once

#include <memory>
#include <string>

#include "proxy/base/buffer.h"
#include "proxy/net/tls_failure.h"
#include "proxy/net/tls_info.h"
#include "proxy/net/transport.h"

struct ssl_st;

namespace flagmesh::net {

// Made by TlsServer::accept() and TlsClient::connect(). Between two calls it holds, beside OpenSSL's object, only what a slow peer left.
class TlsTransport final : public Transport {
 public:
  // Owns `ssl`, which is set to accept or to connect and has no BIO yet. `for_handshake` is what its callbacks use, held as long.
  TlsTransport(ssl_st* ssl, std::shared_ptr<const void> for_handshake);
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;
  ~TlsTransport() override;

  IoResult handshake(int fd) override;
  IoResult read(int fd, std::span<char> into) override;
  IoResult write(int fd, std::span<const iovec> parts) override;
  size_t unsent() const override { return unsent_.size(); }
  bool may_read() const override { return may_read_ || !left_.empty(); }
  void unread(std::string_view bytes) override { left_.append(bytes); }
  void shutdown(int fd) override;
  std::unique_ptr<TlsInfo> take_info() override;

 private:
  class Turn;
  IoResult failed(int outcome, const Turn& turn, bool shaking);
  IoResult send_out(int fd);
  IoResult send_unsent(int fd);
  bool seal(std::span<const iovec> parts, size_t& part, size_t& offset, size_t& sealed);

  ssl_st* ssl_;
  std::shared_ptr<const void> for_handshake_;
  Buffer left_;    // came, not looked at by OpenSSL
  Buffer unsent_;  // protected, not taken by the kernel
  bool broken_ = false;    // no further byte either way
  bool may_read_ = false;  // the last look at the socket did not empty it
};

}  // namespace flagmesh::net
