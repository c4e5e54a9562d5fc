// Certificate files: read, checked, and put into an OpenSSL context. For tls_*.cc, and for whoever asks what is wrong with them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/net/tls_info.h"

struct ssl_ctx_st;

namespace flagmesh::net {

struct CertificateFiles {
  std::string cert;  // PEM: the certificate, then its chain
  std::string key;   // PEM, without a passphrase
  std::string ocsp;  // DER: an answer of the authority's OCSP responder to be stapled; empty: none

  bool operator==(const CertificateFiles&) const = default;
};

// Something that works but will not for long, or not everywhere.
struct TlsWarning {
  std::string place;  // the file
  std::string message;
  std::string mend;
};
using TlsWarnings = std::vector<TlsWarning>;

// What the names and kinds of a loaded certificate are.
struct LoadedCertificate {
  std::shared_ptr<const CertificateNames> names;
  std::string key_type;  // "EC", "RSA", "ED25519"
  std::string ocsp;      // DER, verified to be a good answer about this certificate; empty: none
};

// Reads the pair into `context` and checks it: the files parse, the key is the certificate's; expired, soon to expire, not valid yet, a chain
// in disorder are warnings. An OCSP answer that is no good is a warning, too, and left out. Fails with code "tls_certificate"; place is the
// file. No message has a part of a key in it.
Result<LoadedCertificate> load_certificate(ssl_ctx_st* context, const CertificateFiles& files, TlsWarnings& warnings);

// The authorities in a PEM file, for `context` to verify peers with. `as_server`: their names are told to clients, so that these can choose a
// certificate. Returns a digest of what the file holds.
Result<std::string> load_authorities(ssl_ctx_st* context, const std::string& file, bool as_server, TlsWarnings& warnings);

// TLS 1.2 and 1.3 with the ciphers of Mozilla's "intermediate" profile, for both sides.
void set_modern_defaults(ssl_ctx_st* context);

}  // namespace flagmesh::net
