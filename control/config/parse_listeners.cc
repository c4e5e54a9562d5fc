#include "control/config/parse_listeners.h"

#include <algorithm>

#include "control/config/parse_tls.h"
#include "proxy/http/path.h"
#include "proxy/http/tokens.h"

namespace flagmesh::config {

using flags::JsonValue;

namespace {

constexpr uint64_t kMaxBacklog = 1'000'000;
constexpr uint64_t kMaxConnections = 100'000'000;
constexpr Millis kMaxKeepalive = 32'767'000;  // the kernel's
constexpr uint64_t kMaxProbes = 127;

bool is_unix(const std::string& address) {
  return address.starts_with("unix:");
}

bool any_free_port(const std::string& address) {
  return address.ends_with(":0") && !is_unix(address);
}

// One listener while it is read.
struct ListenerReader {
  ObjectReader& reader;
  ListenerConfig& listener;

  Report& report() { return reader.report(); }
  // Reports a member that means nothing for this kind of address.
  void only_for(bool applies, std::string_view name, const std::string& kind) {
    if (applies || !reader.has(name) || listener.address.empty()) return;
    report().error(reader.name_mark(name), reader.member(name) + " is for " + kind + " only",
                   "remove it");
  }
};

void parse_trusted_proxies(ListenerReader& r) {
  for (const auto& [text, mark] : r.reader.text_list("trusted_proxies")) {
    if (text == "unix") {
      r.listener.settings.trust_unix = true;
      continue;
    }
    auto range = net::Cidr::parse(text);
    if (range) {
      r.listener.settings.trusted_proxies.push_back(*range);
    } else {
      r.report().error(mark, range.error());
    }
  }
}

void parse_identity_headers(ListenerReader& r) {
  for (const auto& [name, mark] : r.reader.text_list("identity_headers")) {
    if (http::is_token(name)) {
      r.listener.settings.identity_headers.push_back(name);
    } else {
      r.report().error(mark, in_quotes(name) + " is no header name", "such as x-user-id");
    }
  }
}

void parse_proxy_protocol(ListenerReader& r) {
  stream::ListenerSettings& settings = r.listener.settings;
  r.reader.boolean("proxy_protocol", settings.proxy_protocol);
  if (!settings.proxy_protocol) return;
  const bool on_unix = is_unix(r.listener.address);
  if (on_unix ? settings.trust_unix : !settings.trusted_proxies.empty()) return;
  r.report().error(r.reader.name_mark("proxy_protocol"),
                   r.reader.member("proxy_protocol") +
                       " is taken from trusted proxies, and this "
                       "listener has none",
                   on_unix ? "add trusted_proxies: [unix]"
                           : "add trusted_proxies with the addresses of your balancers, such as "
                             "[10.0.0.0/8]");
}

void parse_tcp_keepalive(ListenerReader& r) {
  const JsonValue* value = r.reader.find("tcp_keepalive");
  if (value == nullptr) return;
  net::TcpKeepalive& keepalive = r.listener.socket.keepalive;
  if (value->is_bool()) {
    keepalive.on = value->boolean();
    return;
  }
  ObjectReader reader(r.report(), *value, r.reader.member("tcp_keepalive"));
  const auto seconds = [&](std::string_view name, uint32_t& out) {
    Millis millis = 0;
    reader.duration(name, millis, 1'000, kMaxKeepalive);
    out = static_cast<uint32_t>((millis + 999) / 1'000);
  };
  seconds("idle", keepalive.idle);
  seconds("interval", keepalive.interval);
  reader.count("count", keepalive.count, 1, kMaxProbes);
  reader.finish();
}

// Octal in quotes: YAML 1.2 takes 0660 for six hundred and sixty.
void parse_mode(ListenerReader& r) {
  const JsonValue* value = r.reader.find("mode");
  if (value == nullptr) return;
  const std::string* text = expect_text(r.report(), *value, r.reader.member("mode"));
  if (text == nullptr) return;
  const bool octal = text->size() >= 3 && text->size() <= 4 &&
                     text->find_first_not_of("01234567") == std::string::npos &&
                     (text->size() == 3 || text->front() == '0');
  if (!octal) {
    r.report().error(value->mark(), r.reader.member("mode") + " must be octal permissions",
                     "such as \"0660\"");
    return;
  }
  r.listener.socket.mode = std::stoi(*text, nullptr, 8);
}

void parse_socket(ListenerReader& r) {
  net::ListenOptions& socket = r.listener.socket;
  const bool on_unix = is_unix(r.listener.address);
  r.reader.count("backlog", socket.backlog, 1, kMaxBacklog);
  r.reader.boolean("reuse_port", socket.reuse_port);
  r.reader.boolean("ipv6_only", socket.ipv6_only);
  parse_tcp_keepalive(r);
  parse_mode(r);
  r.only_for(!on_unix, "reuse_port", "TCP");
  r.only_for(!on_unix, "tcp_keepalive", "TCP");
  r.only_for(on_unix, "mode", "Unix sockets");
  r.only_for(r.listener.address.starts_with('['), "ipv6_only", "IPv6");
}

void parse_listener(Report& report, const JsonValue& value,
                    const stream::ListenerSettings& defaults, std::vector<ListenerConfig>& out) {
  ObjectReader reader(report, value, "a listener");
  if (!value.is_object()) return;
  ListenerConfig listener;
  listener.settings = defaults;
  if (!reader.has("address")) {
    report.error(value.mark(), "a listener has no 'address'", "add address: 0.0.0.0:9071");
  }
  reader.listen_address("address", listener.address);
  parse_listener_tls(reader, listener);
  ListenerReader r{reader, listener};
  parse_socket(r);
  reader.count("max_connections", listener.max_connections, 1, kMaxConnections);
  reader.count("trusted_hops", listener.settings.trusted_hops, 0, stream::kMaxTrustedHops);
  parse_trusted_proxies(r);
  parse_identity_headers(r);
  parse_proxy_protocol(r);
  reader.finish();
  if (listener.address.empty()) return;
  const bool twice = !any_free_port(listener.address) &&
                     std::ranges::any_of(out, [&](const ListenerConfig& other) {
                       return other.address == listener.address;
                     });
  if (twice) {
    report.error(reader.find("address")->mark(),
                 "two listeners have the address " + in_quotes(listener.address), "remove one");
    return;
  }
  out.push_back(std::move(listener));
}

}  // namespace

stream::ListenerSettings parse_listener_defaults(ObjectReader& proxy) {
  stream::ListenerSettings defaults;
  proxy.choice<stream::ForwardedFields>("forwarded", defaults.forwarded,
                                        {{"x-forwarded", stream::ForwardedFields::kXForwarded},
                                         {"rfc7239", stream::ForwardedFields::kRfc7239},
                                         {"both", stream::ForwardedFields::kBoth},
                                         {"off", stream::ForwardedFields::kOff}});
  if (!proxy.has("via")) return defaults;
  std::string via;
  proxy.text("via", via);
  if (via == "off") {
    defaults.via = stream::ListenerSettings::via_lines("");
  } else if (http::is_token(via) || http::is_valid_authority(via)) {
    defaults.via = stream::ListenerSettings::via_lines(via);
  } else if (!via.empty()) {
    proxy.report().error(proxy.find("via")->mark(),
                         proxy.member("via") + " cannot be " + in_quotes(via),
                         "a word such as flagmesh, HOST:PORT, or off");
  }
  return defaults;
}

void parse_listeners(ObjectReader& parent, const stream::ListenerSettings& defaults,
                     std::vector<ListenerConfig>& out) {
  Report& report = parent.report();
  const JsonValue* value = parent.find("listeners");
  if (value == nullptr || (value->is_array() && value->array().empty())) {
    report.error(parent.name_mark("listeners"), "the proxy listens nowhere",
                 "add listeners: [{ address: 0.0.0.0:9071 }]");
    return;
  }
  if (expect(report, *value, JsonValue::Type::kArray, parent.member("listeners")) == nullptr)
    return;
  for (const JsonValue& item : value->array()) parse_listener(report, item, defaults, out);
}

}  // namespace flagmesh::config
