#include "proxy/upstream/upstream_tls.h"

#include "proxy/upstream/shared_container.h"

namespace flagmesh::upstream {

namespace {

// "shop.internal:8443", "10.0.0.1:8443", "[::1]:8443" without the port.
std::string host_of(std::string_view endpoint) {
  const std::string_view host = endpoint.substr(0, endpoint.rfind(':'));
  return std::string(host.starts_with('[') ? host.substr(1, host.size() - 2) : host);
}

}  // namespace

net::TlsClientSpec tls_client_spec(const snapshot::ContainerSpec& spec) {
  return {.ca = spec.tls->ca,
          .cert = spec.tls->cert,
          .key = spec.tls->key,
          .verify = spec.tls->verify,
          .offer_http2 = spec.protocol != snapshot::UpstreamProtocol::kHttp1,
          .offer_http1 = spec.protocol != snapshot::UpstreamProtocol::kHttp2};
}

std::unique_ptr<net::Transport> make_transport(const SharedContainer& container, const EndpointState& endpoint, net::TlsSessionSlot* slot,
                                               bool& failed) {
  failed = false;
  const snapshot::ContainerSpec& spec = container.spec();
  if (!spec.tls) return nullptr;
  const std::shared_ptr<const net::TlsClient> client = container.tls();
  std::unique_ptr<net::Transport> transport;
  if (client != nullptr) {
    transport = client->connect(spec.tls->server_name.empty() ? host_of(endpoint.name) : spec.tls->server_name, slot);
  }
  failed = transport == nullptr;
  return transport;
}

bool speaks_http2(const snapshot::ContainerSpec& spec, net::Transport* transport) {
  if (spec.protocol != snapshot::UpstreamProtocol::kAuto) return spec.protocol == snapshot::UpstreamProtocol::kHttp2;
  const std::unique_ptr<net::TlsInfo> info = transport == nullptr ? nullptr : transport->take_info();
  return info != nullptr && info->alpn == "h2";
}

Failure failure_of(net::TlsFailure why) {
  switch (why) {
    case net::TlsFailure::kNone: return Failure::kConnect;
    case net::TlsFailure::kUnknownCa: return Failure::kTlsUnknownCa;
    case net::TlsFailure::kExpired: return Failure::kTlsExpired;
    case net::TlsFailure::kName: return Failure::kTlsName;
    case net::TlsFailure::kCertificate: return Failure::kTlsCertificate;
    default: return Failure::kTlsHandshake;
  }
}

}  // namespace flagmesh::upstream
