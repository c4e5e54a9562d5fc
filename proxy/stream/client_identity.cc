#include "proxy/stream/client_identity.h"

#include <algorithm>

#include "proxy/http/forwarded.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/http/path.h"
#include "proxy/http/tokens.h"
#include "proxy/stream/listener_settings.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

using http::HeaderId;

// All fields of that name as the one list that they are (RFC 9110 §5.3).
std::string_view whole_list(Arena& arena, const http::HeaderList& headers, HeaderId id) {
  const http::Field* first = headers.find(id);
  if (first == nullptr) return {};
  std::string_view list = first->value;
  for (const http::Field* more = headers.next(first); more != nullptr; more = headers.next(more)) {
    list = arena.join(list, ", ", more->value);
  }
  return list;
}

// "192.0.2.7", "192.0.2.7:5000", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:5000".
std::optional<net::Ip> parse_entry(std::string_view entry) {
  if (entry.starts_with('[')) {
    return http::is_valid_authority(entry) ? net::Ip::parse(entry.substr(1, entry.find(']') - 1))
                                           : std::nullopt;
  }
  const size_t colon = entry.find(':');
  const bool has_port = colon != std::string_view::npos && entry.rfind(':') == colon;
  if (has_port && !http::is_valid_authority(entry)) return std::nullopt;
  return net::Ip::parse(has_port ? entry.substr(0, colon) : entry);
}

// What the proxies before us said, the nearest one first.
class Told {
 public:
  virtual bool next(std::optional<net::Ip>& ip) = 0;

 protected:
  ~Told() = default;
};

class ToldByXForwardedFor final : public Told {
 public:
  explicit ToldByXForwardedFor(std::string_view list) : rest_(list) {}
  bool next(std::optional<net::Ip>& ip) override {
    if (rest_.empty()) return false;
    const size_t comma = rest_.rfind(',');
    const size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
    ip = parse_entry(http::trim(rest_.substr(begin)));
    rest_ = rest_.substr(0, begin == 0 ? 0 : comma);
    return true;
  }

 private:
  std::string_view rest_;
};

// Forwarded can only be read from its front: the last elements are put aside. Longer chains of
// proxies are not followed.
class ToldByForwarded final : public Told {
 public:
  ToldByForwarded(std::string_view list, Arena& arena) {
    if (list.empty()) return;
    http::ForwardedReader reader(list, arena);
    while (const auto element = reader.next()) last_[count_++ % last_.size()] = *element;
    left_ = std::min(count_, last_.size());
    bad_ = reader.bad();
  }
  bool next(std::optional<net::Ip>& ip) override {
    if (left_ == 0) return false;
    --left_;
    told_ = &last_[--count_ % last_.size()];
    ip = net::Ip::parse(http::node_address(told_->node));
    return true;
  }
  bool bad() const { return bad_; }
  // How the client of the element that next() gave asked.
  std::string_view proto() const { return told_ == nullptr ? std::string_view() : told_->proto; }

 private:
  std::array<http::ForwardedElement, kMaxTrustedHops> last_;
  const http::ForwardedElement* told_ = nullptr;
  size_t count_ = 0;
  size_t left_ = 0;
  bool bad_ = false;
};

// Nothing: the peer itself is the client.
std::optional<net::Ip> find_client(const ListenerSettings& settings, Told& told) {
  std::optional<net::Ip> ip;
  if (settings.trusted_hops != 0) {
    for (unsigned hop = 0; hop < settings.trusted_hops; ++hop) {
      if (!told.next(ip) || !ip) return std::nullopt;
    }
    return ip;
  }
  std::optional<net::Ip> client;
  while (told.next(ip) && ip) {
    client = ip;
    if (!settings.is_trusted_proxy(*ip)) break;
  }
  return client;
}

std::string_view text_of(const net::Ip& ip, Arena& arena) {
  std::array<char, net::Ip::kTextBytes> text;
  return arena.copy(ip.text(text));
}

bool is_web_scheme(std::string_view scheme) {
  return http::equals_ignore_case(scheme, "https") || http::equals_ignore_case(scheme, "http");
}

// A field of which only one sound value is believed.
void keep_if(http::HeaderList& headers, HeaderId id, bool (*sound)(std::string_view)) {
  const http::Field* field = headers.find(id);
  if (field == nullptr) return;
  if (headers.next(field) != nullptr || !sound(field->value)) headers.remove(id);
}

ClientIdentity believe(Stream& stream, const ListenerSettings& settings, ClientIdentity peer) {
  http::HeaderList& headers = stream.request().headers;
  Arena& arena = stream.arena();
  keep_if(headers, HeaderId::kXForwardedProto, is_web_scheme);
  keep_if(headers, HeaderId::kXForwardedHost, http::is_valid_authority);
  const bool reads_forwarded =
      settings.forwarded == ForwardedFields::kRfc7239 ||
      (settings.forwarded == ForwardedFields::kBoth && !headers.has(HeaderId::kXForwardedFor));
  ClientIdentity client = peer;
  if (reads_forwarded) {
    ToldByForwarded told(whole_list(arena, headers, HeaderId::kForwarded), arena);
    if (told.bad()) {
      headers.remove(HeaderId::kForwarded);
      return client;
    }
    if (const auto ip = find_client(settings, told)) client.ip = text_of(*ip, arena);
    if (is_web_scheme(told.proto())) client.https = told.proto().size() == 5;
    return client;
  }
  ToldByXForwardedFor told(whole_list(arena, headers, HeaderId::kXForwardedFor));
  if (const auto ip = find_client(settings, told)) client.ip = text_of(*ip, arena);
  const std::string_view scheme = headers.value(HeaderId::kXForwardedProto);
  if (!scheme.empty()) client.https = http::equals_ignore_case(scheme, "https");
  return client;
}

}  // namespace

ClientIdentity identify_client(Stream& stream) {
  const Peer& peer = stream.session().peer();
  const ListenerSettings& settings = *peer.listener;
  const ClientIdentity itself{.ip = peer.ip, .https = peer.tls};
  if (peer.believed) return believe(stream, settings, itself);
  http::HeaderList& headers = stream.request().headers;
  http::remove_forwarding(headers);
  for (const std::string& name : settings.identity_headers) headers.remove(name);
  return itself;
}

}  // namespace flagmesh::stream
