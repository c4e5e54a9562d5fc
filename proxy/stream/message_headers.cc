#include "proxy/stream/message_headers.h"

#include <algorithm>
#include <charconv>

#include "proxy/http/hop_by_hop.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

using http::HeaderId;

constexpr size_t kRequestIdBytes = 128;

std::string_view via_name(http::Version version) {
  switch (version) {
    case http::Version::kHttp10: return "1.0 flagmesh";
    case http::Version::kHttp11: return "1.1 flagmesh";
    case http::Version::kHttp2: return "2 flagmesh";
  }
  return "1.1 flagmesh";
}

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

bool is_usable_id(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdBytes &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

}  // namespace

void ensure_request_id(Stream& stream) {
  const std::string_view given = stream.request().headers.value(HeaderId::kXRequestId);
  if (is_usable_id(given)) {
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
  const Peer& peer = stream.session().peer();
  http::remove_hop_by_hop(headers);
  append_to_list(arena, headers, HeaderId::kXForwardedFor, peer.ip);
  headers.set(arena, HeaderId::kXForwardedProto, peer.tls ? "https" : "http");
  headers.set(arena, HeaderId::kXForwardedHost, request.authority);
  if (headers.value(HeaderId::kXRequestId) != stream.request_id()) {
    headers.set(arena, HeaderId::kXRequestId, stream.request_id());
  }
  append_to_list(arena, headers, HeaderId::kVia, via_name(request.version));
  const RouteDecision& decision = stream.decision();
  if (!decision.route->is_flag_route()) return;
  headers.add(arena, HeaderId::kXFlagmeshFlag, decision.route->flag);
  if (!decision.variant.empty()) headers.add(arena, HeaderId::kXFlagmeshVariant, decision.variant);
  headers.add(arena, HeaderId::kXFlagmeshEpoch, number_text(arena, decision.epoch));
  if (decision.stale) headers.add(arena, HeaderId::kXFlagmeshStale, "true");
}

void prepare_response(Stream& stream, http::ResponseHead& head) {
  http::remove_hop_by_hop(head.headers);
  append_to_list(stream.arena(), head.headers, HeaderId::kVia, via_name(head.version));
}

}  // namespace flagmesh::stream
