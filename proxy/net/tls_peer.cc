#include "proxy/net/tls_peer.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>

namespace flagmesh::net {

namespace {

// A certificate may be as large as its authority likes; what it adds to each request may not. Nothing is cut in its middle.
constexpr size_t kSubjectBytes = 2048;
constexpr size_t kSanBytes = 4096;

using Names = std::shared_ptr<const CertificateNames>;

int names_index() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* data, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Names*>(data); });
  return index;
}

TlsFailure verify_failure(long why) {
  switch (why) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return TlsFailure::kExpired;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return TlsFailure::kName;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return TlsFailure::kUnknownCa;
    default: return TlsFailure::kCertificate;
  }
}

TlsFailure failure_of(int reason) {
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: return TlsFailure::kPlainHttp;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_INAPPROPRIATE_FALLBACK:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return TlsFailure::kVersion;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS: return TlsFailure::kCipher;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return TlsFailure::kNoCertificate;
    default: return reason >= SSL_AD_REASON_OFFSET ? TlsFailure::kAlert : TlsFailure::kProtocol;
  }
}

// Letters that would end or split a list of names are written as %XX.
void append_safe(std::string& to, std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && strchr(",;=\"\\%", c) == nullptr) {
      to += c;
    } else {
      to += '%';
      to += kHex[byte >> 4];
      to += kHex[byte & 15];
    }
  }
}

std::string ip_text(const ASN1_OCTET_STRING* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int size = ASN1_STRING_length(bytes);
  if (size != 4 && size != 16) return {};
  inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), text.data(), text.size());
  return text.data();
}

struct Name {
  int type;
  std::string text;
};

std::string_view bytes_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), static_cast<size_t>(ASN1_STRING_length(string))};
}

// DNS, URI, e-mail and IP alternative names; other kinds are left out, and so is what has a NUL in it.
std::vector<Name> alternative_names(X509* certificate) {
  std::vector<Name> names;
  auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; all != nullptr && i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type == GEN_IPADD) {
      names.push_back({GEN_IPADD, ip_text(name->d.iPAddress)});
    } else if (name->type == GEN_DNS || name->type == GEN_URI || name->type == GEN_EMAIL) {
      const std::string_view text = bytes_of(name->d.ia5);
      if (text.find('\0') == std::string_view::npos) names.push_back({name->type, std::string(text)});
    }
  }
  GENERAL_NAMES_free(all);
  return names;
}

std::string subject_of(X509* certificate) {
  BIO* memory = BIO_new(BIO_s_mem());
  // Letters beyond ASCII as UTF-8; control characters stay escaped.
  X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text = size > 0 && static_cast<size_t>(size) <= kSubjectBytes ? std::string(data, static_cast<size_t>(size)) : "";
  BIO_free(memory);
  return text;
}

std::string fingerprint_of(X509* certificate) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, 32> digest{};
  X509_digest(certificate, EVP_sha256(), digest.data(), nullptr);
  std::string text;
  for (const unsigned char byte : digest) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::unique_ptr<const ClientCertificate> client_of(X509* certificate) {
  auto client = std::make_unique<ClientCertificate>();
  client->subject = subject_of(certificate);
  client->fingerprint = fingerprint_of(certificate);
  client->forwarded = "Hash=" + client->fingerprint + ";Subject=\"" + client->subject + '"';
  for (const Name& name : alternative_names(certificate)) {
    if (client->san.size() + name.text.size() * 3 > kSanBytes) break;
    const std::string_view kind = name.type == GEN_DNS ? "DNS" : name.type == GEN_URI ? "URI" : name.type == GEN_EMAIL ? "email" : "IP";
    if (!client->san.empty()) client->san += ',';
    client->san.append(kind).append(":");
    append_safe(client->san, name.text);
    client->forwarded.append(";").append(kind).append("=");
    append_safe(client->forwarded, name.text);
  }
  return client;
}

}  // namespace

TlsFailure tls_failure(ssl_st* ssl) {
  const unsigned long code = ERR_peek_error();
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return TlsFailure::kProtocol;
  const int reason = ERR_GET_REASON(code);
  return reason == SSL_R_CERTIFICATE_VERIFY_FAILED ? verify_failure(SSL_get_verify_result(ssl)) : failure_of(reason);
}

std::unique_ptr<TlsInfo> tls_info_of(ssl_st* ssl) {
  auto info = std::make_unique<TlsInfo>();
  info->version = SSL_get_version(ssl);
  info->cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl));
  info->resumed = SSL_session_reused(ssl) == 1;
  const unsigned char* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &size);
  if (size != 0) info->alpn = size == 2 ? "h2" : "http/1.1";  // we know no other
  if (SSL_is_server(ssl) == 0) return info;
  if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) {
    for (const char* c = name; *c != '\0'; ++c) info->sni += *c >= 'A' && *c <= 'Z' ? static_cast<char>(*c | 0x20) : *c;
  }
  if (const auto* names = static_cast<const Names*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), names_index()))) {
    info->names = *names;
  }
  if (X509* certificate = SSL_get0_peer_certificate(ssl)) info->client = client_of(certificate);
  return info;
}

bool resumed_with_expired(ssl_st* ssl) {
  if (SSL_session_reused(ssl) == 0) return false;
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  return certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
}

CertificateNames names_of(x509_st* certificate) {
  std::vector<std::string> patterns;
  for (Name& name : alternative_names(certificate)) {
    if (name.type == GEN_DNS || name.type == GEN_IPADD) patterns.push_back(std::move(name.text));
  }
  if (patterns.empty()) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0) patterns.emplace_back(bytes_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  }
  return CertificateNames(std::move(patterns));
}

void set_names(ssl_ctx_st* context, std::shared_ptr<const CertificateNames> names) {
  SSL_CTX_set_ex_data(context, names_index(), new Names(std::move(names)));
}

std::string tls_error_text() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

}  // namespace flagmesh::net
