#include "control/engine/engine_api.h"

#include <array>
#include <charconv>
#include <utility>

#include "control/engine/flag_request.h"
#include "control/flags/canonical_flag.h"
#include "control/flags/canonical_json.h"
#include "control/flags/json_value.h"
#include "control/flags/read_json.h"
#include "proxy/http/path_segment.h"
#include "proxy/http/tokens.h"
#include "proxy/net/address.h"

namespace flagmesh::engine {
namespace {

using flags::JsonValue;
using http::Method;
using stream::LocalResponse;

constexpr std::string_view kFlags = "/api/v1/flags";
constexpr flags::ReadLimits kBodyLimits{1024 * 1024, 128, 100'000, 0};

LocalResponse json(uint16_t status, JsonValue::Object object) {
  LocalResponse response;
  response.status = status;
  response.body = flags::canonical_json(JsonValue(std::move(object))) + "\n";
  response.headers.emplace_back("cache-control", "no-store");
  return response;
}

LocalResponse text(uint16_t status, std::string body) {
  LocalResponse response;
  response.status = status;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = std::move(body);
  return response;
}

// Where every code of the API gets its status.
uint16_t status_of(std::string_view code) {
  struct Row {
    std::string_view code;
    uint16_t status;
  };
  static constexpr std::array kTable{
      Row{"unknown_flag", 404},
      Row{"not_found", 404},
      Row{"method_not_allowed", 405},
      Row{"loopback_only", 403},
      Row{"not_json", 415},
      Row{"nothing_to_reset", 409},
      Row{"no_fractional", 409},
      Row{"several_fractionals", 409},
      Row{"computed_fractional", 409},
      Row{"overloaded", 503},
      Row{"stopping", 503},
      Row{"write_failed", 503},
  };
  for (const Row& row : kTable) {
    if (row.code == code) return row.status;
  }
  return 400;
}

LocalResponse error(const Error& error) {
  JsonValue::Object object;
  object.push_back({"code", error.code});
  object.push_back(
      {"message", error.place.empty() ? error.message : error.place + ": " + error.message});
  object.push_back({"mend", error.mend});
  JsonValue::Object outer;
  outer.push_back({"error", JsonValue(std::move(object))});
  LocalResponse response = json(status_of(error.code), std::move(outer));
  if (response.status == 503) response.headers.emplace_back("retry-after", "1");
  return response;
}

LocalResponse error(std::string code, std::string message, std::string mend = {}) {
  return error(Error{std::move(code), std::move(message), {}, std::move(mend)});
}

// RFC 9110 §15.5.6: says what is allowed instead.
LocalResponse not_allowed(std::string allowed) {
  LocalResponse response =
      error("method_not_allowed", "this method is not for this path", "use " + allowed);
  response.headers.emplace_back("allow", std::move(allowed));
  return response;
}

LocalResponse not_found() {
  return error("not_found", "there is nothing here", "docs/engine.md lists what there is");
}

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  if (http::equals_ignore_case(host, "localhost")) return true;
  const auto address = net::Address::from_ip(host, 0);
  return address && address->is_loopback();
}

std::optional<LocalResponse> refuse_write(const ApiRequest& request) {
  if (!request.from_loopback || !is_loopback_host(request.host)) {
    return error("loopback_only", "without API tokens, changes are taken from loopback only",
                 "call the engine on its own host, at 127.0.0.1 or localhost");
  }
  const std::string_view type = request.content_type.substr(0, request.content_type.find(';'));
  if (request.method != Method::kDelete &&
      !http::equals_ignore_case(http::trim(type), "application/json")) {
    return error("not_json", "the body must be application/json",
                 "send content-type: application/json");
  }
  return std::nullopt;
}

JsonValue flag_json(const FlagStore::Flag& flag) {
  JsonValue::Object object;
  object.push_back({"flag", flags::flagd_form(flag.definition)});
  object.push_back({"owner", owner_name(flag.owner)});
  if (const auto weights = flags::rollout_of(flag.definition)) {
    JsonValue::Object rollout;
    for (const auto& [name, weight] : *weights)
      rollout.push_back({name, static_cast<double>(weight)});
    object.push_back({"rollout", JsonValue(std::move(rollout))});
  }
  return JsonValue(std::move(object));
}

Result<FlagRequest> request_of(std::string_view action, const JsonValue& body, std::string_view key,
                               const std::string& tenant) {
  if (action == "rollout") return rollout_request(body);
  if (action == "state") return state_request(body);
  if (action == "kill") return kill_request(body);
  return definition_request(body, key, tenant);
}

}  // namespace

EngineApi::EngineApi(Engine& engine)
    : engine_(engine),
      flags_(engine.flags()),
      ofrep_(engine.loop(), flags_, {.config = engine.ofrep(), .tokens = nullptr}) {
  engine.set_on_change([this] { ofrep_.flags_changed(); });
}

EngineApi::~EngineApi() { engine_.set_on_change({}); }

void EngineApi::handle(const stream::LocalRequest& request, stream::LocalReply reply) {
  if (ofrep::OfrepHandler::serves(request.head.path)) {
    return ofrep_.handle(request, std::move(reply));
  }
  ApiRequest api;
  api.method = request.head.method;
  api.path = request.head.path;
  api.body = request.body;
  api.host = request.head.authority;
  api.content_type = request.head.headers.value(http::HeaderId::kContentType);
  api.from_loopback = request.peer_is_loopback;
  handle(api, [reply = std::move(reply)](LocalResponse response) mutable {
    reply.send(std::move(response));
  });
}

void EngineApi::handle(const ApiRequest& request, Answer answer) {
  const bool reads = request.method == Method::kGet || request.method == Method::kHead;
  if (reads) return answer(read(request.path));
  std::string_view rest = request.path;
  if (!rest.starts_with(kFlags) || rest.size() <= kFlags.size() + 1 || rest[kFlags.size()] != '/') {
    return answer(read(rest).status == 404 ? not_found() : not_allowed("GET, HEAD"));
  }
  rest.remove_prefix(kFlags.size() + 1);
  const size_t slash = rest.find('/');
  const std::string_view action = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  const auto key = http::decode_segment(rest.substr(0, slash));
  if (!key || key->empty()) return answer(not_found());
  write(request, *key, action, std::move(answer));
}

LocalResponse EngineApi::read(std::string_view path) const {
  if (path == "/healthz") return text(200, "ok\n");
  if (path == "/metrics") return text(200, engine_.metrics());
  if (path == "/readyz") {
    const auto why = engine_.not_ready();
    JsonValue::Object object;
    object.push_back({"ready", !why.has_value()});
    object.push_back({"epoch", static_cast<double>(engine_.epochs().epoch())});
    if (why) object.push_back({"reason", why->text()});
    if (const std::string note = engine_.note(); !note.empty()) object.push_back({"note", note});
    return json(why ? 503 : 200, std::move(object));
  }
  if (path == kFlags) return list();
  if (path == "/api/v1/epochs/latest") return latest_epoch();
  if (path.starts_with(kFlags) && path.size() > kFlags.size() && path[kFlags.size()] == '/') {
    const auto key = http::decode_segment(path.substr(kFlags.size() + 1));
    return key ? show(*key) : not_found();
  }
  return not_found();
}

LocalResponse EngineApi::list() const {
  JsonValue::Object all;
  for (const auto& [key, flag] : engine_.flags().flags()) all.push_back({key, flag_json(flag)});
  JsonValue::Object object;
  object.push_back({"tenant", engine_.flags().tenant()});
  object.push_back({"epoch", static_cast<double>(engine_.epochs().epoch())});
  object.push_back({"flags", JsonValue(std::move(all))});
  return json(200, std::move(object));
}

LocalResponse EngineApi::show(std::string_view key) const {
  const FlagStore::Flag* flag = engine_.flags().find(key);
  if (flag == nullptr) return error("unknown_flag", "there is no flag '" + std::string(key) + "'");
  JsonValue::Object object = flag_json(*flag).object();
  object.push_back({"key", key});
  object.push_back({"tenant", engine_.flags().tenant()});
  object.push_back({"epoch", static_cast<double>(engine_.epochs().epoch())});
  return json(200, std::move(object));
}

LocalResponse EngineApi::latest_epoch() const {
  const EpochCycle& epochs = engine_.epochs();
  if (epochs.epoch() == 0) return error("not_found", "nothing is published yet");
  const merkle::EpochRecord& record = epochs.log().record(epochs.epoch());
  JsonValue::Object object;
  object.push_back({"epoch", static_cast<double>(record.epoch)});
  object.push_back({"time", static_cast<double>(record.time_ms)});
  object.push_back({"flags", static_cast<double>(record.flags)});
  object.push_back({"state_root", record.state_root.hex()});
  object.push_back({"checkpoint", epochs.head()});
  return json(200, std::move(object));
}

void EngineApi::write(const ApiRequest& request, std::string_view key, std::string_view action,
                      Answer answer) {
  if (auto refused = refuse_write(request)) return answer(std::move(*refused));
  const bool is_action = action == "rollout" || action == "state" || action == "kill";
  if (!is_action && !action.empty()) return answer(not_found());
  if (is_action ? request.method != Method::kPost
                : request.method != Method::kPut && request.method != Method::kDelete) {
    return answer(not_allowed(is_action ? "POST" : "GET, HEAD, PUT, DELETE"));
  }
  if (request.method == Method::kDelete) {
    FlagRequest reset;
    reset.reset = true;
    return applied(key, reset, std::move(answer));
  }
  const auto body = flags::parse_json(request.body, kBodyLimits);
  if (!body) {
    return answer(
        error("bad_json", "the body is no JSON: " + body.error().message, body.error().place));
  }
  auto change = request_of(action, *body, key, engine_.flags().tenant());
  if (!change) return answer(error(change.error()));
  applied(key, *change, std::move(answer));
}

void EngineApi::applied(std::string_view key, const FlagRequest& request, Answer answer) {
  engine_.change(
      key, request, "api",
      [this, name = std::string(key), answer = std::move(answer)](Result<uint64_t> epoch) mutable {
        JsonValue::Object object;
        object.push_back({"flag", name});
        auto& counts = engine_.counters().api_writes;
        if (epoch) {
          ++counts[{"accepted", ""}];
          object.push_back({"epoch", static_cast<double>(*epoch)});
          return answer(json(200, std::move(object)));
        }
        if (epoch.error().code == "not_published_yet") {
          ++counts[{"accepted", ""}];
          object.push_back({"epoch", nullptr});
          object.push_back({"waiting_for", epoch.error().message});
          return answer(json(202, std::move(object)));
        }
        ++counts[{"refused", epoch.error().code}];
        answer(error(epoch.error()));
      });
}

}  // namespace flagmesh::engine
