#include "control/config/parse_proxy.h"

#include <algorithm>

#include "control/config/parse_containers.h"
#include "control/config/parse_listeners.h"
#include "control/config/parse_ofrep.h"
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
  reader.duration("tls_handshake", out.tls_handshake);
  reader.duration("request_header", out.request_header);
  reader.duration("request_body", out.request_body);
  reader.duration("response_header", out.response_header, 0);
  reader.duration("stream_idle", out.stream_idle, 0);
  reader.duration("connection_idle", out.connection_idle);
  reader.duration("max_connection_age", out.max_connection_age, 0);
  reader.finish();
}

// Smaller heads than browsers send are nobody's wish; with more fields ours would not fit beside them.
constexpr uint64_t kMinHeaderBlock = 1'024;
constexpr uint64_t kMaxHeaderBlock = 1'048'576;
constexpr uint64_t kMaxHeaderFields = 200;

void parse_message_limits(ObjectReader& reader, http::H1Limits& out, uint64_t& max_body) {
  const auto size = [&](std::string_view name, uint64_t min, uint32_t& to) {
    uint64_t bytes = to;
    reader.size(name, bytes);
    if (bytes < min || bytes > kMaxHeaderBlock) {
      reader.report().error(reader.find(name)->mark(), reader.member(name) + " must be from " +
                                                           std::to_string(min) + "B to 1MiB");
    } else {
      to = static_cast<uint32_t>(bytes);
    }
  };
  size("header_block", kMinHeaderBlock, out.header_block);
  size("target", 64, out.target);
  reader.count("header_fields", out.fields, 1, kMaxHeaderFields);
  reader.size("max_body", max_body);
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
  reader.count("tls_handshakes", out.tls_handshakes, 1, 1'000'000);
  parse_message_limits(reader, out.messages, out.max_body);
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
  reader.path("state_dir", proxy.state_dir);
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
  defaults.max_body = proxy.limits.max_body;
  reader.boolean("normalize_path", proxy.limits.messages.normalize_path);
  parse_timeouts(reader, proxy.timeouts);
  parse_ofrep(reader, proxy.ofrep, &proxy.ofrep_tokens);
  reader.boolean("decision_headers", defaults.decision_headers);
  defaults.timeout = proxy.timeouts.response_header;
  parse_listeners(reader, parse_listener_defaults(reader), proxy.listeners);
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
