#include "control/config/parse_routes.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "control/config/parse_bucket_by.h"
#include "control/config/parse_route_match.h"

namespace flagmesh::config {

using flags::JsonMember;
using flags::JsonValue;
using flags::Mark;
using snapshot::ContainerIndex;
using snapshot::Route;

namespace {

constexpr uint32_t kMaxAttempts = 10;
// The sum of weights stays far inside 32 bits.
constexpr int64_t kMaxWeight = 1'000'000;
constexpr size_t kMaxParts = 100;

// One route while it is read.
struct RouteReader {
  ObjectReader& reader;
  ContainerNames& containers;
  Route& route;
  RouteMarks& marks;

  Report& report() { return reader.report(); }
  ContainerIndex container(const JsonValue& value, const std::string& what) {
    const std::string* name = expect_text(report(), value, what);
    if (name == nullptr) return snapshot::kNoContainer;
    return containers.resolve(report(), *name, value.mark(), what);
  }
};

void parse_serve(RouteReader& r) {
  const JsonValue* value = r.reader.find("serve");
  if (value == nullptr) {
    r.report().error(r.marks.flag, r.reader.what() + " decides by a flag but has no 'serve'",
                     "add serve: { VARIANT: CONTAINER }");
    return;
  }
  const std::string what = r.reader.member("serve");
  if (expect(r.report(), *value, JsonValue::Type::kObject, what) == nullptr) return;
  if (value->object().empty()) {
    r.report().error(value->mark(), what + " is empty", "add VARIANT: CONTAINER");
  }
  for (const JsonMember& member : value->object()) {
    r.route.serve.emplace_back(member.name,
                               r.container(member.value, "variant " + in_quotes(member.name)));
    r.marks.serve.push_back(member.mark);
  }
}

void parse_flag(RouteReader& r) {
  r.reader.text("flag", r.route.flag);
  r.marks.flag = r.reader.name_mark("flag");
  parse_serve(r);
  const JsonValue* fallback = r.reader.find("fallback");
  if (fallback == nullptr) {
    r.report().error(r.marks.flag, r.reader.what() + " decides by a flag but has no 'fallback'",
                     "add fallback: CONTAINER, for when the flag gives no answer");
  } else {
    r.route.fallback = r.container(*fallback, r.reader.member("fallback"));
  }
  parse_bucket_by(r.reader, r.route);
  if (r.reader.has("mint_http_only") && r.route.mint_cookie.empty()) {
    r.report().error(r.reader.name_mark("mint_http_only"),
                     r.reader.member("mint_http_only") + " needs 'mint' in 'bucket_by'",
                     "add mint or remove it");
  }
  r.reader.boolean("mint_http_only", r.route.mint_http_only);
  r.reader.choice<snapshot::WhenUnproven>("when_unproven", r.route.when_unproven,
                                          {{"last_good", snapshot::WhenUnproven::kLastGood},
                                           {"fallback", snapshot::WhenUnproven::kFallback},
                                           {"refuse", snapshot::WhenUnproven::kRefuse}});
}

// Answered by the process itself.
void parse_handler(RouteReader& r) {
  r.route.kind = snapshot::HandlerKind::kLocal;
  r.reader.choice<std::string>("handler", r.route.handler, {{"ofrep", "ofrep"}});
  r.reader.choice<snapshot::WhenUnproven>("when_unproven", r.route.when_unproven,
                                          {{"last_good", snapshot::WhenUnproven::kLastGood},
                                           {"refuse", snapshot::WhenUnproven::kRefuse}});
}

void parse_split(RouteReader& r) {
  const JsonValue* value = r.reader.find("split");
  const std::string what = r.reader.member("split");
  if (expect(r.report(), *value, JsonValue::Type::kObject, what) == nullptr) return;
  if (value->object().size() > kMaxParts) {
    r.report().error(value->mark(), what + " has too many containers", "100 at most");
    return;
  }
  uint32_t total = 0;
  for (const JsonMember& member : value->object()) {
    const ContainerIndex container =
        r.containers.resolve(r.report(), member.name, member.mark, what);
    const auto weight = member.value.integer();
    if (!weight || *weight < 0 || *weight > kMaxWeight) {
      r.report().error(member.value.mark(), "the weight of " + in_quotes(member.name) +
                                                " must be a whole number from 0 to 1000000");
    } else if (*weight > 0) {
      total += static_cast<uint32_t>(*weight);
      r.route.split.push_back({container, total});
    }
  }
  const bool all_zero = std::ranges::all_of(
      value->object(), [](const JsonMember& member) { return member.value.integer() == 0; });
  if (all_zero) {
    r.report().error(value->mark(), what + " has no weight above zero",
                     "give a container a weight");
  }
}

void parse_retries(ObjectReader& parent, Route& route) {
  const JsonValue* value = parent.find("retries");
  if (value == nullptr) return;
  ObjectReader reader(parent.report(), *value, parent.member("retries"));
  auto& retries = route.retries;
  reader.count("attempts", retries.attempts, 0, kMaxAttempts);
  reader.duration("per_try_timeout", retries.per_try_timeout, 0);
  const std::pair<std::string_view, uint8_t> bits[] = {
      {"connect_failure", snapshot::kRetryConnectFailure},
      {"reset", snapshot::kRetryReset},
      {"timeout", snapshot::kRetryTimeout},
      {"502", snapshot::kRetry502},
      {"503", snapshot::kRetry503},
      {"504", snapshot::kRetry504}};
  if (reader.has("on")) retries.on = 0;
  for (const auto& [word, mark] : reader.text_list("on")) {
    const auto bit = std::ranges::find(bits, word, [](const auto& pair) { return pair.first; });
    if (bit != std::end(bits)) {
      retries.on |= bit->second;
    } else {
      reader.report().error(mark, in_quotes(word) + " is nothing that can be tried again",
                            "write connect_failure, reset, timeout, \"502\", \"503\" or \"504\"");
    }
  }
  reader.finish();
  if (route.timeout != 0 && retries.per_try_timeout > route.timeout) {
    reader.report().warning(
        reader.name_mark("per_try_timeout"),
        reader.member("per_try_timeout") + " is longer than the route's timeout",
        "the timeout ends all attempts together");
  }
}

// Exactly one of these says where a route goes.
void parse_destination(RouteReader& r) {
  std::vector<std::string_view> found;
  for (const std::string_view way : {"flag", "container", "split", "handler"}) {
    if (r.reader.has(way)) found.push_back(way);
  }
  if (found.empty()) {
    r.report().error(r.marks.route, r.reader.what() + " goes nowhere",
                     "add container: NAME, split: { NAME: WEIGHT }, flag: KEY or handler: ofrep");
  }
  for (size_t i = 1; i < found.size(); i++) {
    r.report().error(r.reader.name_mark(found[i]),
                     r.reader.what() + " has both '" + std::string(found[0]) + "' and '" +
                         std::string(found[i]) + "'",
                     "keep one of them");
  }
  const std::string_view way = found.empty() ? std::string_view() : found[0];
  if (way == "flag") {
    parse_flag(r);
  } else if (way == "split") {
    parse_split(r);
  } else if (way == "handler") {
    parse_handler(r);
  } else if (way == "container") {
    r.route.container = r.container(*r.reader.find("container"), r.reader.member("container"));
  }
  if (way == "flag") return;
  for (const std::string_view name : {"serve", "fallback", "bucket_by", "when_unproven", "mint_http_only"}) {
    if (name == "when_unproven" && way == "handler") continue;
    if (r.reader.has(name)) {
      r.report().error(r.reader.name_mark(name), r.reader.member(name) + " needs a flag",
                       "add flag: KEY or remove it");
    }
  }
}

std::string path_text(const JsonValue& value) {
  const JsonValue* path = value.find("path");
  if (path != nullptr && path->is_object() && path->object().size() == 1) {
    path = &path->object().front().value;
  }
  return path != nullptr && path->is_string() ? " (" + in_quotes(path->string()) + ")" : "";
}

Route parse_route(Report& report, const JsonValue& value, size_t index, ContainerNames& containers,
                  const RouteDefaults& defaults, RouteMarks& marks, bool& sound) {
  Route route;
  route.index = static_cast<uint32_t>(index);
  route.tenant = defaults.tenant;
  route.timeout = defaults.timeout;
  route.max_body = defaults.max_body;
  route.decision_headers = defaults.decision_headers;
  marks.route = value.mark();
  // People count from one; the path says more than the number.
  ObjectReader reader(report, value, "route " + std::to_string(index + 1) + path_text(value));
  if (!value.is_object()) return route;
  RouteReader r{reader, containers, route, marks};
  const size_t errors = report.errors();
  parse_route_match(reader, route);
  sound = report.errors() == errors;
  parse_destination(r);
  reader.duration("timeout", route.timeout, 0);
  parse_retries(reader, route);
  reader.size("max_body", route.max_body);
  reader.boolean("decision_headers", route.decision_headers);
  reader.finish();
  return route;
}

// `sound` has the routes whose conditions were read without a mistake: others match what nobody
// meant.
void report_duplicates(Report& report, const ParsedRoutes& parsed, const std::vector<bool>& sound) {
  std::unordered_map<std::string, size_t> seen;
  for (size_t i = 0; i < parsed.routes.size(); i++) {
    if (!sound[i]) continue;
    for (const std::string& key : match_keys(parsed.routes[i])) {
      const auto [first, added] = seen.emplace(key, i);
      if (added) continue;
      report.error(parsed.marks[i].route,
                   "route " + std::to_string(i + 1) + " (" + in_quotes(parsed.routes[i].path) +
                       ") matches the same requests as the one in line " +
                       std::to_string(parsed.marks[first->second].route.line),
                   "it is never reached: remove it or add a condition");
      break;
    }
  }
}

}  // namespace

ParsedRoutes parse_routes(Report& report, const JsonValue& value, ContainerNames& containers,
                          const RouteDefaults& defaults) {
  ParsedRoutes parsed;
  if (expect(report, value, JsonValue::Type::kArray, "'routes' in proxy") == nullptr) return parsed;
  std::vector<bool> all_sound;
  for (size_t i = 0; i < value.array().size(); i++) {
    RouteMarks marks;
    bool sound = false;
    parsed.routes.push_back(
        parse_route(report, value.array()[i], i, containers, defaults, marks, sound));
    all_sound.push_back(sound);
    parsed.marks.push_back(std::move(marks));
  }
  report_duplicates(report, parsed, all_sound);
  return parsed;
}

}  // namespace flagmesh::config
