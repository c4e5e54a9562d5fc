// Why TLS did not come about: stable tokens for metrics, logs and x-flagmesh-reason.
#pragma once

#include <cstdint>
#include <string_view>

namespace flagmesh::net {

enum class TlsFailure : uint8_t {
  kNone,
  kProtocol,        // not TLS, or against its rules
  kPlainHttp,       // a request in clear text
  kClosed,          // the peer left
  kVersion,         // no version in common
  kCipher,          // no cipher, group or signature algorithm in common
  kUnknownCa,       // the peer's certificate leads to no authority that is trusted
  kExpired,         // the peer's certificate is not valid yet or any more
  kName,            // the peer's certificate is for another name
  kCertificate,     // the peer's certificate is wrong otherwise: revoked, for another purpose, badly signed
  kNoCertificate,   // the peer showed none
  kAlert,           // the peer refused ours
  kTimeout,         // it took too long
  kCount,
};

// "tls_unknown_ca", ...; empty for kNone.
std::string_view tls_failure_name(TlsFailure failure);

// How a TlsFailure travels where an errno is expected: as a negative number.
constexpr int error_of(TlsFailure failure) { return -static_cast<int>(failure); }
constexpr TlsFailure tls_failure_of(int error) {
  return error < 0 && -error < static_cast<int>(TlsFailure::kCount) ? static_cast<TlsFailure>(-error) : TlsFailure::kNone;
}

}  // namespace flagmesh::net
