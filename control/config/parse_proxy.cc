#include "control/config/parse_proxy.h"

#include <algorithm>

#include "control/config/parse_containers.h"
#include "control/config/parse_routes.h"

namespace flagmesh::config {

using flags::JsonValue;

namespace {

constexpr uint32_t kMaxWorkers = 1'024;
constexpr uint32_t kMaxConnections = 100'000'000;
constexpr Millis kMinSettle = 50;  // how often the file is looked at then
constexpr Millis kMaxSettle = 60'000;

void parse_workers(ObjectReader& reader, uint32_t& workers) {
  const JsonValue* value = reader.find("workers");
  if (value == nullptr) return;
  if (value->is_string() && value->string() == "auto") {
    workers = 0;
    return;
  }
  const auto number = value->integer();
  if (number && *number >= 1 && *number <= kMaxWorkers) {
    workers = static_cast<uint32_t>(*number);
    return;
  }
  reader.report().error(
      value->mark(), reader.member("workers") + " must be auto or a whole number from 1 to 1024");
}

void parse_timeouts(ObjectReader& parent, TimeoutsConfig& out) {
  const JsonValue* value = parent.find("timeouts");
  if (value == nullptr) return;
  ObjectReader reader(parent.report(), *value, parent.member("timeouts"));
  reader.duration("connect", out.connect);
  reader.duration("request_header", out.request_header);
  reader.duration("request_body", out.request_body);
  reader.duration("response_header", out.response_header, 0);
  reader.duration("stream_idle", out.stream_idle, 0);
  reader.duration("connection_idle", out.connection_idle);
  reader.duration("max_connection_age", out.max_connection_age, 0);
  reader.finish();
}

void parse_limits(ObjectReader& parent, LimitsConfig& out) {
  const JsonValue* value = parent.find("limits");
  if (value == nullptr) return;
  ObjectReader reader(parent.report(), *value, parent.member("limits"));
  const auto is_auto = [&](std::string_view name) {
    const JsonValue* found = reader.find(name);
    return found != nullptr && found->is_string() && found->string() == "auto";
  };
  if (!is_auto("max_connections")) {
    reader.count("max_connections", out.max_connections, 1, kMaxConnections);
  }
  if (!is_auto("buffered_bytes")) reader.size("buffered_bytes", out.buffered_bytes);
  reader.finish();
}

// A Unix socket is bound under a longer name first.
void parse_takeover_socket(ObjectReader& reader, std::string& out) {
  static constexpr size_t kMaxPath = 103;
  reader.path("takeover_socket", out);
  if (out.size() > kMaxPath) {
    reader.report().error(reader.find("takeover_socket")->mark(),
                          reader.member("takeover_socket") + " is longer than 103 bytes",
                          "choose a shorter path: /run/flagmesh/takeover.sock");
  }
}

bool any_free_port(const std::string& address) {
  return address.ends_with(":0") && !address.starts_with("unix:");
}

void parse_listener(Report& report, const JsonValue& value, std::vector<ListenerConfig>& out) {
  ObjectReader reader(report, value, "a listener");
  if (!value.is_object()) return;
  static const JsonValue kFalse(false);
  ListenerConfig listener;
  if (!reader.has("address")) {
    report.error(value.mark(), "a listener has no 'address'", "add address: 0.0.0.0:9071");
  }
  reader.listen_address("address", listener.address);
  reader.later("tls", "TLS on listeners");
  reader.later("proxy_protocol", "the PROXY protocol", &kFalse);
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

void parse_listeners(ObjectReader& parent, std::vector<ListenerConfig>& out) {
  Report& report = parent.report();
  const JsonValue* value = parent.find("listeners");
  if (value == nullptr || (value->is_array() && value->array().empty())) {
    report.error(parent.name_mark("listeners"), "the proxy listens nowhere",
                 "add listeners: [{ address: 0.0.0.0:9071 }]");
    return;
  }
  if (expect(report, *value, JsonValue::Type::kArray, parent.member("listeners")) == nullptr)
    return;
  for (const JsonValue& item : value->array()) parse_listener(report, item, out);
}

ContainerNames names_of(const JsonValue* containers) {
  std::vector<std::string> names;
  if (containers != nullptr && containers->is_object()) {
    for (const flags::JsonMember& member : containers->object()) names.push_back(member.name);
  }
  return ContainerNames(std::move(names));
}

void warn_unused(ObjectReader& reader, const ContainerNames& names, const ProxyConfig& proxy) {
  for (size_t i = 0; i < proxy.containers.size(); i++) {
    if (names.used(static_cast<snapshot::ContainerIndex>(i))) continue;
    reader.report().warning(reader.find("containers")->object()[i].mark,
                            "no route leads to container " + in_quotes(proxy.containers[i].name));
  }
}

}  // namespace

ProxyConfig parse_proxy(Report& report, const JsonValue& value, const std::string& tenant,
                        std::vector<RouteMarks>& route_marks) {
  ProxyConfig proxy;
  ObjectReader reader(report, value, "proxy");
  if (!value.is_object()) return proxy;
  RouteDefaults defaults{.tenant = tenant};
  parse_workers(reader, proxy.workers);
  reader.later("state_dir", "a journal of accepted state");
  reader.duration("shutdown_delay", proxy.shutdown_delay, 0);
  reader.duration("drain_timeout", proxy.drain_timeout, 0);
  reader.choice<OnChange>("on_change", proxy.on_change,
                          {{"keep", OnChange::kKeep},
                           {"drain", OnChange::kDrain},
                           {"close", OnChange::kClose}});
  parse_takeover_socket(reader, proxy.takeover_socket);
  reader.boolean("watch_file", proxy.watch_file);
  reader.duration("watch_settle", proxy.watch_settle, kMinSettle, kMaxSettle);
  parse_limits(reader, proxy.limits);
  parse_timeouts(reader, proxy.timeouts);
  reader.boolean("decision_headers", defaults.decision_headers);
  defaults.timeout = proxy.timeouts.response_header;
  parse_listeners(reader, proxy.listeners);
  const JsonValue* containers = reader.find("containers");
  ContainerNames names = names_of(containers);
  if (containers != nullptr) {
    proxy.containers = parse_containers(report, *containers, proxy.timeouts.connect);
  }
  const JsonValue* routes = reader.find("routes");
  if (routes == nullptr || (routes->is_array() && routes->array().empty())) {
    report.error(reader.name_mark("routes"), "the proxy has no routes",
                 "add routes: [{ path: /, container: NAME }]");
  } else {
    ParsedRoutes parsed = parse_routes(report, *routes, names, defaults);
    proxy.routes = std::move(parsed.routes);
    route_marks = std::move(parsed.marks);
    if (routes->is_array()) warn_unused(reader, names, proxy);
  }
  reader.finish();
  return proxy;
}

}  // namespace flagmesh::config
