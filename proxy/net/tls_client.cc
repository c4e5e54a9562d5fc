#include "proxy/net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <atomic>

#include "proxy/net/tls_peer.h"
#include "proxy/net/tls_transport.h"

namespace flagmesh::net {

struct TlsClient::Impl {
  SSL_CTX* context = nullptr;
  bool verify = true;
  uint64_t id = next_id++;
  static inline std::atomic<uint64_t> next_id{1};
  ~Impl() { SSL_CTX_free(context); }
};

namespace {

bool is_ip(const std::string& name) {
  std::array<unsigned char, 16> bytes;
  return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

void offer(const TlsClientSpec& spec, SSL_CTX* context) {
  std::string protocols;
  if (spec.offer_http2) protocols += "\x02h2";
  if (spec.offer_http1) protocols += "\x08http/1.1";
  if (protocols.empty()) return;
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()), static_cast<unsigned>(protocols.size()));
}

}  // namespace

TlsSessionSlot::~TlsSessionSlot() { SSL_SESSION_free(session_); }

void TlsSessionSlot::put(ssl_session_st* session) {
  SSL_SESSION_free(session_);
  session_ = session;
}

TlsClient::TlsClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsClient::~TlsClient() = default;

Result<std::shared_ptr<const TlsClient>> TlsClient::load(const TlsClientSpec& spec, TlsWarnings& warnings) {
  auto impl = std::make_unique<Impl>();
  impl->context = SSL_CTX_new(TLS_client_method());
  if (impl->context == nullptr) return fail("tls_certificate", "OpenSSL: " + tls_error_text());
  SSL_CTX* context = impl->context;
  set_modern_defaults(context);
  impl->verify = spec.verify;
  if (spec.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (spec.ca.empty()) {
      SSL_CTX_set_default_verify_paths(context);
    } else if (Result<std::string> loaded = load_authorities(context, spec.ca, false, warnings); !loaded) {
      return std::unexpected(loaded.error());
    }
  }
  if (!spec.cert.empty()) {
    const Result<LoadedCertificate> own = load_certificate(context, {.cert = spec.cert, .key = spec.key, .ocsp = {}}, warnings);
    if (!own) return std::unexpected(own.error());
  }
  offer(spec, context);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
    auto* slot = static_cast<TlsSessionSlot*>(SSL_get_ex_data(ssl, 0));
    if (slot == nullptr) return 0;
    slot->put(session);
    return 1;  // it is the slot's now
  });
  return std::shared_ptr<const TlsClient>(new TlsClient(std::move(impl)));
}

std::unique_ptr<Transport> TlsClient::connect(const std::string& name, TlsSessionSlot* slot) const {
  SSL* ssl = SSL_new(impl_->context);
  if (ssl == nullptr) return nullptr;
  SSL_set_connect_state(ssl);
  SSL_set_ex_data(ssl, 0, slot);
  const bool ip = is_ip(name);
  if (impl_->verify) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int set = ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) : SSL_set1_host(ssl, name.c_str());
    if (set != 1) {
      SSL_free(ssl);
      return nullptr;
    }
  }
  if (!ip) {
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name.c_str()));
  }
  // What another one verified is not verified by this one.
  if (slot != nullptr && slot->owner_ != impl_->id) {
    slot->put(nullptr);
    slot->owner_ = impl_->id;
  }
  if (slot != nullptr && slot->session_ != nullptr && SSL_SESSION_is_resumable(slot->session_) == 1) {
    SSL_set_session(ssl, slot->session_);
  }
  return std::make_unique<TlsTransport>(ssl, nullptr);
}

}  // namespace flagmesh::net
