#include "proxy/net/tls_server.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "proxy/net/tls_peer.h"
#include "proxy/net/tls_transport.h"

namespace flagmesh::net {

namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// The certificates for one set of names: one of each kind of key (EC, RSA).
struct Entry {
  std::unique_ptr<SSL_CTX, FreeContext> context;
  std::shared_ptr<const CertificateNames> names;
  std::vector<std::string> key_types;
  std::vector<std::pair<X509*, std::string>> ocsp;  // the certificate is the context's
  size_t index = 0;                                 // of the first one in spec.certificates
};

}  // namespace

struct TlsServer::Impl {
  std::shared_ptr<const TicketKeys> tickets;
  std::vector<std::unique_ptr<Entry>> entries;
  std::map<std::string, const Entry*, std::less<>> by_name;
  bool offer_http2 = false;

  const Entry& find(std::string_view name) const {
    if (const auto exact = by_name.find(name); exact != by_name.end()) return *exact->second;
    const size_t dot = name.find('.');
    if (dot != std::string_view::npos && dot != 0) {
      const auto wildcard = by_name.find("*" + std::string(name.substr(dot)));
      if (wildcard != by_name.end()) return *wildcard->second;
    }
    return *entries.front();
  }
};

namespace {

template <class T>
const T& impl_of(SSL* ssl) {
  return *static_cast<const T*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

// --- What OpenSSL asks during a handshake ------------------------------------------------------------------------------

template <class T>
int choose_certificate(SSL* ssl, int*, void*) {
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
  std::string name(asked);
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (name.ends_with('.')) name.pop_back();
  SSL_set_SSL_CTX(ssl, impl_of<T>(ssl).find(name).context.get());
  return SSL_TLSEXT_ERR_OK;
}

template <class T>
int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size, void*) {
  static constexpr unsigned char kBoth[] = "\x02h2\x08http/1.1";
  const bool h2 = impl_of<T>(ssl).offer_http2;
  const unsigned char* ours = h2 ? kBoth : kBoth + 3;
  const unsigned ours_size = h2 ? 12 : 9;
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, ours, ours_size, in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 §3.2
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int staple(SSL* ssl, void* entry) {
  const X509* shown = SSL_get_certificate(ssl);
  for (const auto& [certificate, der] : static_cast<const Entry*>(entry)->ocsp) {
    if (certificate != shown) continue;
    auto* copy = static_cast<unsigned char*>(OPENSSL_memdup(der.data(), der.size()));
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(der.size()));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

// Fetched once: looking an algorithm up takes a lock.
const EVP_CIPHER* ticket_cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return cipher;
}

// Seals a ticket, or says how to open one (RFC 5077 §4).
template <class T>
int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int sealing) {
  const TicketKeys& keys = *impl_of<T>(ssl).tickets;
  TicketKeys::Key key;
  bool renew = false;
  if (sealing != 0) {
    key = keys.current();
    memcpy(name, key.name.data(), key.name.size());
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(ticket_cipher())) != 1) return -1;
  } else if (!keys.find(name, key, renew)) {
    return 0;
  }
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.hmac.data(), key.hmac.size()),
                               OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  const bool ready = EVP_MAC_CTX_set_params(mac, params) == 1 &&
                     EVP_CipherInit_ex2(cipher, ticket_cipher(), key.aes.data(), iv, sealing, nullptr) == 1;
  OPENSSL_cleanse(&key, sizeof key);
  if (!ready) return -1;
  // Browsers use a ticket of TLS 1.3 once (RFC 8446 §C.4), so the connection that it resumes brings the next one.
  return renew || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

// OpenSSL's macros for these cast in C's way.
template <class F>
void set_callback(SSL_CTX* context, int which, F* callback) {
  SSL_CTX_callback_ctrl(context, which, reinterpret_cast<void (*)()>(callback));
}

// --- Setting up --------------------------------------------------------------------------------------------------------

Status ask_clients(const TlsServerSpec& spec, SSL_CTX* context, std::string& digest, TlsWarnings& warnings) {
  if (spec.client_ca.empty() || spec.client_auth == ClientAuth::kOff) return {};
  const Result<std::string> authorities = load_authorities(context, spec.client_ca, true, warnings);
  if (!authorities) return std::unexpected(authorities.error());
  digest = *authorities;
  const int required = spec.client_auth == ClientAuth::kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
  return {};
}

// A ticket is good where the same hosts are served and the same clients are let in, and survives renewed certificates.
std::array<unsigned char, SHA256_DIGEST_LENGTH> ticket_scope(const TlsServerSpec& spec, const std::vector<std::unique_ptr<Entry>>& entries,
                                                             const std::string& authorities) {
  std::string scope = "flagmesh" + std::string(1, static_cast<char>(spec.client_auth)) + authorities;
  for (const auto& entry : entries) {
    for (const std::string& name : entry->names->patterns()) scope.append(name).append("\n");
    scope += '\n';
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(scope.data()), scope.size(), digest.data());
  return digest;
}

Result<std::unique_ptr<Entry>> make_entry(const TlsServerSpec& spec, size_t index, TlsWarnings& warnings) {
  auto entry = std::make_unique<Entry>();
  entry->context.reset(SSL_CTX_new(TLS_server_method()));
  if (entry->context == nullptr) return fail("tls_certificate", "OpenSSL: " + tls_error_text());
  SSL_CTX* context = entry->context.get();
  set_modern_defaults(context);
  if (spec.min_version == TlsVersion::kTls13) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  // Stateless: tickets, and nothing is kept here. One ticket a handshake is enough: we let clients use it again.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, TicketKeys::kLifetimeSeconds);
  SSL_CTX_set_max_early_data(context, 0);
  Result<LoadedCertificate> loaded = load_certificate(context, spec.certificates[index], warnings);
  if (!loaded) return std::unexpected(loaded.error());
  entry->names = loaded->names;
  entry->key_types.push_back(loaded->key_type);
  entry->index = index;
  if (!loaded->ocsp.empty()) entry->ocsp.emplace_back(SSL_CTX_get0_certificate(context), std::move(loaded->ocsp));
  return entry;
}

// The same names with another kind of key: the client's abilities decide which one it gets.
Result<bool> join(Entry& entry, const TlsServerSpec& spec, const Entry& other, TlsWarnings& warnings) {
  if (entry.names->patterns() != other.names->patterns()) return false;
  if (std::ranges::find(entry.key_types, other.key_types[0]) != entry.key_types.end()) return false;
  TlsWarnings known;  // they were told when `other` was made
  Result<LoadedCertificate> loaded = load_certificate(entry.context.get(), spec.certificates[other.index], known);
  (void)warnings;
  if (!loaded) return std::unexpected(loaded.error());
  entry.key_types.push_back(loaded->key_type);
  if (!loaded->ocsp.empty()) entry.ocsp.emplace_back(SSL_CTX_get0_certificate(entry.context.get()), std::move(loaded->ocsp));
  return true;
}

}  // namespace

TlsServer::TlsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsServer::~TlsServer() = default;

Result<std::shared_ptr<const TlsServer>> TlsServer::load(const TlsServerSpec& spec, std::shared_ptr<const TicketKeys> tickets,
                                                         TlsWarnings& warnings) {
  auto impl = std::make_unique<Impl>();
  impl->tickets = std::move(tickets);
  impl->offer_http2 = spec.offer_http2;
  for (size_t i = 0; i < spec.certificates.size(); ++i) {
    Result<std::unique_ptr<Entry>> entry = make_entry(spec, i, warnings);
    if (!entry) return std::unexpected(entry.error());
    bool joined = false;
    for (const auto& known : impl->entries) {
      const Result<bool> done = join(*known, spec, **entry, warnings);
      if (!done) return std::unexpected(done.error());
      joined = joined || *done;
    }
    if (!joined) impl->entries.push_back(std::move(*entry));
  }
  std::string authorities;
  for (size_t i = 0; i < impl->entries.size(); ++i) {
    Entry& entry = *impl->entries[i];
    SSL_CTX* context = entry.context.get();
    TlsWarnings again;  // the same file for each context: told once
    if (Status asked = ask_clients(spec, context, authorities, i == 0 ? warnings : again); !asked) return std::unexpected(asked.error());
    SSL_CTX_set_app_data(context, impl.get());
    set_callback(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, choose_certificate<Impl>);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol<Impl>, nullptr);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key<Impl>);
    set_callback(context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, staple);
    SSL_CTX_set_tlsext_status_arg(context, &entry);
    if (spec.check_authority) set_names(context, entry.names);
    for (const std::string& name : entry.names->patterns()) impl->by_name.emplace(name, &entry);  // the first one that has it
  }
  const auto scope = ticket_scope(spec, impl->entries, authorities);
  for (const auto& entry : impl->entries) SSL_CTX_set_session_id_context(entry->context.get(), scope.data(), scope.size());
  return std::shared_ptr<const TlsServer>(new TlsServer(std::move(impl)));
}

std::unique_ptr<Transport> TlsServer::accept() const {
  SSL* ssl = SSL_new(impl_->entries.front()->context.get());
  if (ssl == nullptr) return nullptr;
  SSL_set_accept_state(ssl);
  return std::make_unique<TlsTransport>(ssl, shared_from_this());
}

size_t TlsServer::choose(std::string_view name) const { return impl_->find(name).index; }

}  // namespace flagmesh::net
