#include "proxy/net/tls_failure.h"

namespace flagmesh::net {

std::string_view tls_failure_name(TlsFailure failure) {
  switch (failure) {
    case TlsFailure::kNone:
    case TlsFailure::kCount: return "";
    case TlsFailure::kProtocol: return "tls_protocol_error";
    case TlsFailure::kPlainHttp: return "tls_plain_http";
    case TlsFailure::kClosed: return "tls_closed";
    case TlsFailure::kVersion: return "tls_version";
    case TlsFailure::kCipher: return "tls_no_shared_cipher";
    case TlsFailure::kUnknownCa: return "tls_unknown_ca";
    case TlsFailure::kExpired: return "tls_certificate_expired";
    case TlsFailure::kName: return "tls_name_mismatch";
    case TlsFailure::kCertificate: return "tls_bad_certificate";
    case TlsFailure::kNoCertificate: return "tls_no_certificate";
    case TlsFailure::kAlert: return "tls_refused_by_peer";
    case TlsFailure::kTimeout: return "tls_timeout";
  }
  return "";
}

}  // namespace flagmesh::net
