// What OpenSSL knows about the other side, in words of our own. For tls_*.cc only.
#pragma once

#include <memory>
#include <string>

#include "proxy/net/tls_failure.h"
#include "proxy/net/tls_info.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;

namespace flagmesh::net {

// Why the last call on `ssl` failed, from this thread's queue of errors.
TlsFailure tls_failure(ssl_st* ssl);

std::unique_ptr<TlsInfo> tls_info_of(ssl_st* ssl);

// A ticket may outlive the certificate that its client once showed.
bool resumed_with_expired(ssl_st* ssl);

// The hosts that a certificate is for: its DNS and IP alternative names, or its common name when it has none.
CertificateNames names_of(x509_st* certificate);

// The names that a context's connections are asked for; they live as long as the context.
void set_names(ssl_ctx_st* context, std::shared_ptr<const CertificateNames> names);

// This thread's oldest error in words ("no start line"), and forgets the others. Never has a part of a key in it.
std::string tls_error_text();

}  // namespace flagmesh::net
