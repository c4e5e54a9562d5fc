// What a TLS handshake has shown about a connection.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flagmesh::net {

// The hosts that a certificate is for. Immutable; shared by its connections.
class CertificateNames {
 public:
  // Patterns as certificates have them: "shop.example.com", "*.example.com" (one label, RFC 9525 §6.3); IP addresses as text.
  explicit CertificateNames(std::vector<std::string> patterns);

  // `host`: any case, without port; an IPv6 address with or without brackets.
  bool covers(std::string_view host) const;
  // Lower case, sorted.
  const std::vector<std::string>& patterns() const { return patterns_; }

 private:
  std::vector<std::string> patterns_;
};

// A client's certificate, verified against the listener's client_ca.
struct ClientCertificate {
  std::string subject;      // RFC 2253, UTF-8: "CN=alice,O=Shop"
  std::string san;          // "DNS:a.example,URI:spiffe://x/y,email:a@b.example,IP:10.0.0.1"; empty: none
  std::string fingerprint;  // SHA-256 of the certificate, 64 hexadecimal digits
  std::string forwarded;    // the value of x-forwarded-client-cert (docs/tls.md)
};

struct TlsInfo {
  std::string_view version;  // "TLSv1.3"
  std::string_view cipher;   // "TLS_AES_128_GCM_SHA256"
  std::string_view alpn;     // "h2", "http/1.1"; empty: the client asked for nothing that we have
  std::string sni;           // lower case; empty: the client named no host
  bool resumed = false;
  std::shared_ptr<const CertificateNames> names;  // of the certificate that we showed; null: do not ask
  std::unique_ptr<const ClientCertificate> client;

  // Whether a request for that authority (host with or without a port) may come by this connection; else it is misdirected (421).
  bool covers(std::string_view authority) const;
};

}  // namespace flagmesh::net
