// TLS to the endpoints of a container.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "control/snapshot/container_spec.h"
#include "proxy/net/tls_client.h"
#include "proxy/net/tls_failure.h"
#include "proxy/upstream/upstream_request.h"

namespace flagmesh::upstream {

class SharedContainer;
struct EndpointState;

// REQUIRES: spec.tls.
net::TlsClientSpec tls_client_spec(const snapshot::ContainerSpec& spec);

// For a new connection to that endpoint; null for clear text. `failed`: it should be TLS but cannot be. `slot`: see TlsClient::connect().
std::unique_ptr<net::Transport> make_transport(const SharedContainer& container, const EndpointState& endpoint, net::TlsSessionSlot* slot,
                                               bool& failed);

// Whether a connection to such a container, which is open, speaks HTTP/2. With `auto` ALPN has decided; clear text is HTTP/1.
bool speaks_http2(const snapshot::ContainerSpec& spec, net::Transport* transport);

// kConnect for what is none of TLS.
Failure failure_of(net::TlsFailure why);

// Of kTlsHandshake and those behind it: 0, 1, ...; their reasons are "upstream_tls_handshake" and so on.
constexpr bool is_tls_failure(Failure failure) { return failure >= Failure::kTlsHandshake; }
constexpr size_t tls_failure_index(Failure failure) { return static_cast<size_t>(failure) - static_cast<size_t>(Failure::kTlsHandshake); }
inline constexpr std::array<std::string_view, 5> kTlsFailureReasons{"upstream_tls_handshake", "upstream_tls_unknown_ca",
                                                                    "upstream_tls_certificate_expired", "upstream_tls_name_mismatch",
                                                                    "upstream_tls_bad_certificate"};

}  // namespace flagmesh::upstream
