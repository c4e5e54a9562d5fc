#include "control/config/parse_containers.h"

#include <algorithm>
#include <cstdint>

#include "control/config/parse_tls.h"

namespace flagmesh::config {

using flags::JsonMember;
using flags::JsonValue;
using flags::Mark;
using snapshot::ContainerIndex;
using snapshot::ContainerSpec;
using snapshot::EndpointSpec;

namespace {

constexpr size_t kNameBytes = 63;
constexpr uint32_t kMaxWeight = 65'535;
constexpr uint32_t kMaxCount = 1'000'000;

bool is_container_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

void parse_endpoint_item(Report& report, const JsonValue& item, const std::string& what,
                         std::vector<EndpointSpec>& out) {
  uint32_t weight = 1;
  const JsonValue* address = &item;
  if (item.is_object()) {
    ObjectReader reader(report, item, "an endpoint of " + what);
    address = reader.find("address");
    reader.count("weight", weight, 1, kMaxWeight);
    reader.finish();
    if (address == nullptr) {
      report.error(item.mark(), "an endpoint of " + what + " has no 'address'",
                   "write { address: \"HOST:PORT\", weight: N }");
      return;
    }
  }
  const std::string* text = expect_text(report, *address, "an endpoint of " + what);
  if (text == nullptr) return;
  auto endpoint = parse_endpoint(*text);
  if (!endpoint) {
    report.error(address->mark(), std::move(endpoint.error()));
    return;
  }
  const bool twice = std::ranges::any_of(
      out, [&](const EndpointSpec& other) { return other.text() == endpoint->text(); });
  if (twice) {
    report.error(address->mark(),
                 "endpoint " + in_quotes(*text) + " of " + what + " is listed twice",
                 "give one of them a weight: { address: \"" + *text + "\", weight: 2 }");
    return;
  }
  endpoint->weight = weight;
  out.push_back(std::move(*endpoint));
}

void parse_endpoints(ObjectReader& reader, ContainerSpec& spec) {
  const JsonValue* list = reader.find("endpoints");
  if (list == nullptr) {
    reader.report().error(reader.mark(), reader.what() + " has no endpoints",
                          "add endpoints: [\"HOST:PORT\"]");
    return;
  }
  if (expect(reader.report(), *list, JsonValue::Type::kArray, reader.member("endpoints")) ==
      nullptr) {
    return;
  }
  if (list->array().empty()) {
    reader.report().error(list->mark(), reader.member("endpoints") + " is empty",
                          "name at least one HOST:PORT");
  }
  for (const JsonValue& item : list->array()) {
    parse_endpoint_item(reader.report(), item, reader.what(), spec.endpoints);
  }
}

void parse_health_check(ObjectReader& parent, ContainerSpec& spec) {
  const JsonValue* value = parent.find("health_check");
  if (value == nullptr) return;
  ObjectReader reader(parent.report(), *value, "health_check of " + parent.what());
  auto& check = spec.health_check.emplace();
  reader.text("path", check.path);
  if (!check.path.starts_with('/')) {
    parent.report().error(reader.find("path")->mark(),
                          reader.member("path") + " must begin with '/'");
  }
  reader.duration("interval", check.interval, 100);
  reader.duration("timeout", check.timeout);
  reader.count("unhealthy_after", check.unhealthy_after, 1, kMaxCount);
  reader.count("healthy_after", check.healthy_after, 1, kMaxCount);
  reader.finish();
}

void parse_outlier(ObjectReader& parent, ContainerSpec& spec) {
  const JsonValue* value = parent.find("outlier_detection");
  if (value == nullptr) return;
  ObjectReader reader(parent.report(), *value, "outlier_detection of " + parent.what());
  auto& outlier = spec.outlier_detection;
  reader.count("consecutive_errors", outlier.consecutive_errors, 0, kMaxCount);
  reader.duration("base_ejection", outlier.base_ejection);
  reader.count("max_ejection_percent", outlier.max_ejection_percent, 0, 100);
  reader.finish();
}

void parse_breaker(ObjectReader& parent, ContainerSpec& spec) {
  const JsonValue* value = parent.find("circuit_breaker");
  if (value == nullptr) return;
  ObjectReader reader(parent.report(), *value, "circuit_breaker of " + parent.what());
  auto& breaker = spec.circuit_breaker;
  reader.count("max_connections", breaker.max_connections, 1, kMaxCount);
  reader.count("max_pending", breaker.max_pending, 0, kMaxCount);
  reader.count("max_requests", breaker.max_requests, 1, kMaxCount);
  reader.count("max_retries", breaker.max_retries, 0, kMaxCount);
  reader.percent("error_rate", breaker.error_rate);
  // The main thread sums the rates every 100 ms: a shorter window has nothing to look at.
  reader.duration("window", breaker.window, 1'000, 3'600'000);
  reader.count("min_requests", breaker.min_requests, 1, kMaxCount);
  reader.duration("open_for", breaker.open_for, 100);
  reader.finish();
}

ContainerSpec parse_container(Report& report, const JsonMember& member, Millis connect_timeout) {
  ContainerSpec spec;
  spec.name = member.name;
  spec.connect_timeout = connect_timeout;
  if (!is_container_name(member.name)) {
    report.error(member.mark, in_quotes(member.name) + " is no name for a container",
                 "use a-z, 0-9, '.', '-' and '_', 63 letters at most");
  }
  ObjectReader reader(report, member.value, "container " + in_quotes(member.name));
  if (member.value.is_object()) parse_endpoints(reader, spec);
  reader.choice<snapshot::UpstreamProtocol>("protocol", spec.protocol,
                                            {{"http1", snapshot::UpstreamProtocol::kHttp1},
                                             {"http2", snapshot::UpstreamProtocol::kHttp2},
                                             {"auto", snapshot::UpstreamProtocol::kAuto}});
  reader.choice<snapshot::LoadBalancing>("load_balancing", spec.load_balancing,
                                         {{"round_robin", snapshot::LoadBalancing::kRoundRobin}},
                                         {"least_request", "random", "ring_hash", "maglev"});
  parse_health_check(reader, spec);
  parse_outlier(reader, spec);
  parse_breaker(reader, spec);
  parse_container_tls(reader, spec);
  if (spec.protocol == snapshot::UpstreamProtocol::kAuto && !spec.tls) {
    report.warning(reader.name_mark("protocol"), reader.member("protocol") + ": auto is decided in TLS's handshake, and there is no tls",
                   "it will be HTTP/1.1; say http2 for prior knowledge on clear text");
  }
  reader.count("min_healthy", spec.min_healthy, 1, kMaxCount);
  reader.duration("connect_timeout", spec.connect_timeout);
  reader.duration("idle_timeout", spec.idle_timeout);
  reader.finish();
  if (!spec.endpoints.empty() && spec.min_healthy > spec.endpoints.size()) {
    report.warning(reader.name_mark("min_healthy"),
                   reader.member("min_healthy") + " is more than its endpoints",
                   "unless a name resolves to several addresses, it never gets a request");
  }
  return spec;
}

}  // namespace

ContainerNames::ContainerNames(std::vector<std::string> names)
    : names_(std::move(names)), used_(names_.size(), false) {
  for (size_t i = 0; i < names_.size(); i++) {
    sorted_.emplace_back(names_[i], static_cast<ContainerIndex>(i));
  }
  std::ranges::sort(sorted_);
}

ContainerIndex ContainerNames::resolve(Report& report, std::string_view name, Mark mark,
                                       const std::string& what) {
  const auto found = std::ranges::lower_bound(
      sorted_, name, {}, [](const auto& pair) { return std::string_view(pair.first); });
  if (found != sorted_.end() && found->first == name) {
    used_[static_cast<size_t>(found->second)] = true;
    return found->second;
  }
  report.error(mark, what + ": there is no container " + in_quotes(name), suggestion(name, names_));
  return snapshot::kNoContainer;
}

std::vector<ContainerSpec> parse_containers(Report& report, const JsonValue& value,
                                            Millis connect_timeout) {
  std::vector<ContainerSpec> specs;
  if (expect(report, value, JsonValue::Type::kObject, "'containers' in proxy") == nullptr)
    return specs;
  for (const JsonMember& member : value.object()) {
    specs.push_back(parse_container(report, member, connect_timeout));
  }
  return specs;
}

}  // namespace flagmesh::config
