#include "proxy/net/tls_files.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "proxy/net/tls_peer.h"

namespace flagmesh::net {

namespace {

constexpr int kSoonDays = 14;
constexpr size_t kOcspBytes = 64 * 1024;

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
using X509Ptr = std::unique_ptr<X509, Freed<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;
using OcspPtr = std::unique_ptr<OCSP_RESPONSE, Freed<OCSP_RESPONSE, OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Freed<OCSP_BASICRESP, OCSP_BASICRESP_free>>;

std::unexpected<Error> bad(std::string message, const std::string& file, std::string mend = {}) {
  return fail("tls_certificate", std::move(message), file, std::move(mend));
}

Result<BioPtr> open_file(const std::string& file) {
  ERR_clear_error();
  BioPtr bio(BIO_new_file(file.c_str(), "r"));
  if (bio == nullptr) {
    const int error = errno;
    ERR_clear_error();
    return bad(std::string("cannot be read: ") + strerror(error), file);
  }
  return bio;
}

// Nobody is there to be asked for a passphrase.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<std::vector<X509Ptr>> read_certificates(const std::string& file) {
  Result<BioPtr> bio = open_file(file);
  if (!bio) return std::unexpected(bio.error());
  std::vector<X509Ptr> chain;
  while (X509* one = PEM_read_bio_X509_AUX(bio->get(), nullptr, nullptr, nullptr)) chain.emplace_back(one);
  const unsigned long error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  const std::string why = tls_error_text();
  if (chain.empty() && at_end) return bad("has no certificate in it", file, "a PEM file begins with -----BEGIN CERTIFICATE-----");
  if (!at_end) return bad("certificate " + std::to_string(chain.size() + 1) + " is damaged: " + why, file);
  return chain;
}

Result<KeyPtr> read_key(const std::string& file) {
  Result<BioPtr> bio = open_file(file);
  if (!bio) return std::unexpected(bio.error());
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(bio->get(), nullptr, no_passphrase, &asked));
  const std::string why = key == nullptr ? tls_error_text() : "";
  if (asked) return bad("the key has a passphrase", file, "remove it: openssl pkey -in KEY -out PLAIN");
  if (key == nullptr) return bad("has no private key that can be read: " + why, file);
  return key;
}

std::string date_of(const ASN1_TIME* time) {
  tm broken{};
  if (ASN1_TIME_to_tm(time, &broken) != 1) return "an unreadable date";
  char text[32];
  return {text, strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &broken)};
}

void warn_about_dates(X509* certificate, const std::string& file, TlsWarnings& warnings) {
  const ASN1_TIME* from = X509_get0_notBefore(certificate);
  const ASN1_TIME* until = X509_get0_notAfter(certificate);
  if (X509_cmp_current_time(until) < 0) {
    warnings.push_back({file, "the certificate expired on " + date_of(until), "renew it"});
    return;
  }
  if (X509_cmp_current_time(from) > 0) {
    warnings.push_back({file, "the certificate is not valid before " + date_of(from), "check the clock of this machine"});
  }
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, until) == 1 && days < kSoonDays) {
    warnings.push_back({file, "the certificate expires on " + date_of(until), "renew it"});
  }
}

void warn_about_order(const std::vector<X509Ptr>& chain, const std::string& file, TlsWarnings& warnings) {
  for (size_t i = 1; i < chain.size(); ++i) {
    if (X509_NAME_cmp(X509_get_issuer_name(chain[i - 1].get()), X509_get_subject_name(chain[i].get())) == 0) continue;
    warnings.push_back({file, "certificate " + std::to_string(i + 1) + " is not the issuer of the one before it",
                        "order them: the server's own, then each one's issuer"});
    return;
  }
}

// Why an OCSP answer cannot be stapled; empty: it can.
std::string ocsp_fault(const std::string& der, X509* certificate, X509* issuer) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const OcspPtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (response == nullptr) return "it is no OCSP response (DER)";
  if (OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL) return "the responder did not answer";
  const BasicPtr basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return "it has no basic response";
  if (issuer == nullptr) return "the certificate file does not have the issuer, which it is checked against";
  OCSP_CERTID* id = OCSP_cert_to_id(nullptr, certificate, issuer);
  int status = 0;
  ASN1_GENERALIZEDTIME* from = nullptr;
  ASN1_GENERALIZEDTIME* until = nullptr;
  const int found = OCSP_resp_find_status(basic.get(), id, &status, nullptr, nullptr, &from, &until);
  OCSP_CERTID_free(id);
  if (found != 1) return "it is about another certificate";
  if (status == V_OCSP_CERTSTATUS_REVOKED) return "the certificate is revoked";
  if (status != V_OCSP_CERTSTATUS_GOOD) return "the responder does not know the certificate";
  constexpr long kClockSkew = 300;
  if (OCSP_check_validity(from, until, kClockSkew, -1) != 1) return "it is out of date";
  return {};
}

std::string read_ocsp(const std::string& file, const std::vector<X509Ptr>& chain, TlsWarnings& warnings) {
  std::ifstream in(file, std::ios::binary);
  std::string der((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::string fault;
  if (!in.is_open()) {
    fault = "the file cannot be read";
  } else if (der.empty() || der.size() > kOcspBytes) {
    fault = "the file is empty or too large";
  } else {
    fault = ocsp_fault(der, chain[0].get(), chain.size() > 1 ? chain[1].get() : nullptr);
  }
  ERR_clear_error();
  if (fault.empty()) return der;
  warnings.push_back({file, "the OCSP response is not stapled: " + fault, "fetch it again, or remove 'ocsp'"});
  return {};
}

}  // namespace

Result<LoadedCertificate> load_certificate(ssl_ctx_st* context, const CertificateFiles& files, TlsWarnings& warnings) {
  Result<std::vector<X509Ptr>> chain = read_certificates(files.cert);
  if (!chain) return std::unexpected(chain.error());
  const Result<KeyPtr> key = read_key(files.key);
  if (!key) return std::unexpected(key.error());
  X509* leaf = chain->front().get();
  ERR_clear_error();
  if (X509_check_private_key(leaf, key->get()) != 1) {
    ERR_clear_error();
    return bad("the key is not the one of the certificate " + files.cert, files.key, "the first certificate must be the server's own");
  }
  if (SSL_CTX_use_certificate(context, leaf) != 1) return bad("OpenSSL refuses the certificate: " + tls_error_text(), files.cert);
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1) return bad("OpenSSL refuses the key: " + tls_error_text(), files.key);
  SSL_CTX_clear_chain_certs(context);
  for (size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1) {
      return bad("OpenSSL refuses certificate " + std::to_string(i + 1) + ": " + tls_error_text(), files.cert);
    }
  }
  warn_about_dates(leaf, files.cert, warnings);
  warn_about_order(*chain, files.cert, warnings);
  return LoadedCertificate{.names = std::make_shared<const CertificateNames>(names_of(leaf)),
                           .key_type = EVP_PKEY_get0_type_name(key->get()),
                           .ocsp = files.ocsp.empty() ? "" : read_ocsp(files.ocsp, *chain, warnings)};
}

Result<std::string> load_authorities(ssl_ctx_st* context, const std::string& file, bool as_server, TlsWarnings& warnings) {
  const Result<std::vector<X509Ptr>> certificates = read_certificates(file);
  if (!certificates) return std::unexpected(certificates.error());
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  std::string digest;
  for (const X509Ptr& one : *certificates) {
    X509_STORE_add_cert(store, one.get());
    if (as_server) SSL_CTX_add_client_CA(context, one.get());
    warn_about_dates(one.get(), file, warnings);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(one.get(), EVP_sha256(), hash, &size);
    digest.append(reinterpret_cast<const char*>(hash), size);
  }
  ERR_clear_error();
  return digest;
}

void set_modern_defaults(ssl_ctx_st* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // Mozilla's "intermediate", without the finite-field key exchanges, which no client since 2014 needs.
  SSL_CTX_set_cipher_list(context,
                          "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                          "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305");
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384");
  // Our order; but a client that would rather have ChaCha20, as one without instructions for AES, gets it.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection holds no record buffers; the thread's own are used for reading ahead (tls_thread_io.h).
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 0);
}

}  // namespace flagmesh::net
