// A listener's side of TLS: certificates by name, versions, tickets, clients' certificates.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/net/tls_files.h"
#include "proxy/net/tls_ticket_keys.h"
#include "proxy/net/transport.h"

namespace flagmesh::net {

enum class TlsVersion : uint8_t { kTls12, kTls13 };
enum class ClientAuth : uint8_t { kOff, kOptional, kRequired };

struct TlsServerSpec {
  std::vector<CertificateFiles> certificates;  // never empty; the first is for clients that name no host, or one that nobody has
  std::string client_ca;                       // PEM; empty: clients are not asked for a certificate
  ClientAuth client_auth = ClientAuth::kRequired;  // with client_ca
  TlsVersion min_version = TlsVersion::kTls12;
  bool offer_http2 = false;      // ALPN; http/1.1 is always offered
  bool check_authority = true;   // 421 for requests to hosts that the certificate does not cover

  bool operator==(const TlsServerSpec&) const = default;
};

// Immutable: a reload makes another one, and connections go on under theirs. Thread-safe; all workers share it.
class TlsServer : public std::enable_shared_from_this<TlsServer> {
 public:
  // Reads and checks every file, or fails (code "tls_certificate") with the first mistake.
  static Result<std::shared_ptr<const TlsServer>> load(const TlsServerSpec& spec, std::shared_ptr<const TicketKeys> tickets,
                                                       TlsWarnings& warnings);
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer();

  // For a connection that was accepted on this thread. It holds this until its handshake is done.
  std::unique_ptr<Transport> accept() const;

  // Which of spec.certificates a client that asks for that name gets: exact, then wildcard, then the first. For tests.
  size_t choose(std::string_view name) const;

 private:
  struct Impl;
  explicit TlsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flagmesh::net
