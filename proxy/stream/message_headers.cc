#include "proxy/stream/message_headers.h"

#include <algorithm>
#include <charconv>

#include "proxy/http/forwarded.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

using http::HeaderId;

constexpr size_t kRequestIdBytes = 128;
constexpr std::string_view kClientCertificateField = "x-forwarded-client-cert";

// Appends to the list that is there: several fields of one name are one list (RFC 9110 §5.3).
void append_to_list(Arena& arena, http::HeaderList& headers, HeaderId id, std::string_view item) {
  const http::Field* first = headers.find(id);
  if (first == nullptr) {
    headers.add(arena, id, item);
    return;
  }
  std::string_view list = first->value;
  for (const http::Field* more = headers.next(first); more != nullptr; more = headers.next(more)) {
    list = arena.join(list, ", ", more->value);
  }
  headers.set(arena, id, list.empty() ? item : arena.join(list, ", ", item));
}

std::string_view number_text(Arena& arena, uint64_t number) {
  char* text = static_cast<char*>(arena.allocate(20, 1));
  const auto end = std::to_chars(text, text + 20, number).ptr;
  return {text, static_cast<size_t>(end - text)};
}

// RFC 9110 §7.6.3; the version is that of the message as we received it.
void add_via(Stream& stream, http::HeaderList& headers, http::Version version) {
  const std::string& via = stream.session().peer().listener->via[static_cast<size_t>(version)];
  if (!via.empty()) append_to_list(stream.arena(), headers, HeaderId::kVia, via);
}

// What the peer said before us, if it is believed, stays in front; it was cleaned when the request began.
void add_x_forwarded(Stream& stream) {
  http::RequestHead& request = stream.request();
  http::HeaderList& headers = request.headers;
  Arena& arena = stream.arena();
  const Peer& peer = stream.session().peer();
  append_to_list(arena, headers, HeaderId::kXForwardedFor, peer.ip);
  if (!headers.has(HeaderId::kXForwardedProto)) {
    static constexpr std::string_view kHttp = "x-forwarded-proto: http\r\n";
    static constexpr std::string_view kHttps = "x-forwarded-proto: https\r\n";
    headers.add_line(arena, HeaderId::kXForwardedProto, peer.tls ? kHttps.data() : kHttp.data(), peer.tls ? 5 : 4);
  }
  if (!headers.has(HeaderId::kXForwardedHost) && !request.authority.empty()) {
    headers.add(arena, HeaderId::kXForwardedHost, request.authority);
  }
}

// RFC 7239 §4: one element, "for=192.0.2.1;host=shop.example;proto=http".
void add_forwarded(Stream& stream) {
  http::RequestHead& request = stream.request();
  Arena& arena = stream.arena();
  const Peer& peer = stream.session().peer();
  const bool is_v6 = peer.ip.contains(':');
  const std::string_view node = peer.ip == kUnixPeer ? "unknown" : is_v6 ? arena.join("\"[", peer.ip, "]\"") : peer.ip;
  std::string_view element = arena.join("for=", node);
  if (!request.authority.empty()) {
    element = arena.join(element, ";host=", http::forwarded_value(request.authority, arena));
  }
  element = arena.join(element, peer.tls ? ";proto=https" : ";proto=http");
  append_to_list(arena, request.headers, HeaderId::kForwarded, element);
}

void add_forwarding(Stream& stream, ForwardedFields fields) {
  const bool both = fields == ForwardedFields::kBoth;
  if (both || fields == ForwardedFields::kXForwarded) add_x_forwarded(stream);
  if (both || fields == ForwardedFields::kRfc7239) add_forwarded(stream);
}

bool is_usable_id(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdBytes &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

}  // namespace

void ensure_request_id(Stream& stream) {
  const std::string_view given = stream.request().headers.value(HeaderId::kXRequestId);
  const bool believed = stream.session().peer().believed || stream.worker().sole_handler != nullptr;
  if (believed && is_usable_id(given)) {
    stream.set_request_id(given);
    return;
  }
  char* text = static_cast<char*>(stream.arena().allocate(32, 1));
  Rng& rng = stream.worker().rng;
  write_hex(rng.next(), rng.next(), text);
  stream.set_request_id({text, 32});
}

void prepare_request(Stream& stream) {
  http::RequestHead& request = stream.request();
  http::HeaderList& headers = request.headers;
  Arena& arena = stream.arena();
  const ListenerSettings& listener = *stream.session().peer().listener;
  http::remove_hop_by_hop(headers);
  if (const net::TlsInfo* tls = stream.session().peer().tls_info.get(); tls != nullptr && tls->client != nullptr) {
    // What an unbelieved client says about itself was removed when the request began; what we have seen replaces what a proxy says.
    headers.remove(kClientCertificateField);
    headers.add(arena, HeaderId::kOther, kClientCertificateField, tls->client->forwarded);
  }
  add_forwarding(stream, listener.forwarded);
  if (headers.value(HeaderId::kXRequestId) != stream.request_id()) {
    headers.set(arena, HeaderId::kXRequestId, stream.request_id());
  }
  add_via(stream, headers, request.version);
  if (stream.decision().route->is_flag_route()) add_decision(stream, headers);
}

void add_decision(Stream& stream, http::HeaderList& headers) {
  Arena& arena = stream.arena();
  const RouteDecision& decision = stream.decision();
  if (!decision.variant_lines.empty()) {
    const char* next = headers.add_line(arena, HeaderId::kXFlagmeshFlag, decision.variant_lines.data(),
                                        decision.flag.size());
    headers.add_line(arena, HeaderId::kXFlagmeshVariant, next, decision.variant.size());
  } else {
    headers.add(arena, HeaderId::kXFlagmeshFlag, decision.route->flag);
    if (!decision.variant.empty()) headers.add(arena, HeaderId::kXFlagmeshVariant, decision.variant);
  }
  if (!decision.epoch_line.empty()) {
    constexpr size_t kAround = std::string_view("x-flagmesh-epoch: \r\n").size();
    headers.add_line(arena, HeaderId::kXFlagmeshEpoch, decision.epoch_line.data(), decision.epoch_line.size() - kAround);
  } else {
    headers.add(arena, HeaderId::kXFlagmeshEpoch, number_text(arena, decision.epoch));
  }
  if (decision.stale) headers.add(arena, HeaderId::kXFlagmeshStale, "true");
}

void prepare_response(Stream& stream, http::ResponseHead& head) {
  http::remove_hop_by_hop(head.headers);
  add_via(stream, head.headers, head.version);
}

}  // namespace flagmesh::stream
