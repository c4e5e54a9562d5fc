// Our side of TLS to somebody else: whom we believe, as whom we come, and sessions to go on with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/base/result.h"
#include "proxy/net/tls_files.h"
#include "proxy/net/transport.h"

struct ssl_session_st;

namespace flagmesh::net {

struct TlsClientSpec {
  std::string ca;           // PEM; empty: the system's authorities
  std::string cert;         // ours, with `key`; empty: none
  std::string key;
  bool verify = true;       // the peer's certificate, by authority and name
  bool offer_http2 = false;  // ALPN
  bool offer_http1 = true;

  bool operator==(const TlsClientSpec&) const = default;
};

// The newest session with one peer, so that the next connection need not begin anew. Outlives the transports made with it; on one thread.
class TlsSessionSlot {
 public:
  TlsSessionSlot() = default;
  TlsSessionSlot(const TlsSessionSlot&) = delete;
  TlsSessionSlot& operator=(const TlsSessionSlot&) = delete;
  ~TlsSessionSlot();
  bool empty() const { return session_ == nullptr; }

 private:
  friend class TlsClient;
  void put(ssl_session_st* session);
  ssl_session_st* session_ = nullptr;
  uint64_t owner_ = 0;  // which TlsClient it is from
};

// Immutable and thread-safe.
class TlsClient {
 public:
  // Fails with code "tls_certificate".
  static Result<std::shared_ptr<const TlsClient>> load(const TlsClientSpec& spec, TlsWarnings& warnings);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  // For a connection that this thread opens. `name`: what the peer's certificate must be for, a host name (told the peer as SNI) or an IP
  // address. `slot`: may be null. Null when OpenSSL has no memory.
  std::unique_ptr<Transport> connect(const std::string& name, TlsSessionSlot* slot) const;

 private:
  struct Impl;
  explicit TlsClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flagmesh::net
