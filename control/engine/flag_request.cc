#include "control/engine/flag_request.h"

#include <algorithm>
#include <utility>

#include "control/flags/parse.h"

namespace flagmesh::engine {
namespace {

using flags::JsonMember;
using flags::JsonValue;

std::unexpected<Error> bad(std::string message, std::string mend = {}) {
  return fail("bad_request", std::move(message), {}, std::move(mend));
}

// The only member of an object, by its name.
const JsonValue* only(const JsonValue& body, std::string_view name) {
  return body.is_object() && body.object().size() == 1 ? body.find(name) : nullptr;
}

Result<FlagRequest> request_of(const JsonMember& member) {
  FlagRequest request;
  if (member.name == "rollout") return rollout_request(member.value);
  if (member.name == "enabled" && member.value.is_bool()) {
    request.enabled = member.value.boolean();
  } else if (member.name == "kill" && member.value.is_string()) {
    request.kill = member.value.string();
  } else if (member.name == "reset" && member.value == JsonValue(true)) {
    request.reset = true;
  } else {
    return bad(
        "'" + member.name + "' is no change, or its value is wrong",
        R"(one of {"rollout":{"on":50,"off":50}}, {"enabled":false}, {"kill":"off"}, {"reset":true})");
  }
  return request;
}

}  // namespace

Result<FlagRequest> rollout_request(const JsonValue& weights) {
  if (!weights.is_object() || weights.object().empty()) {
    return fail("bad_weights", "a rollout is an object of weights by variant", {},
                R"(for example {"on":50,"off":50})");
  }
  FlagRequest request;
  request.rollout.emplace();
  for (const JsonMember& member : weights.object()) {
    const auto weight = member.value.integer();
    if (!weight)
      return fail("bad_weights", "the weight of '" + member.name + "' is no whole number");
    request.rollout->emplace_back(member.name, *weight);
  }
  return request;
}

Result<FlagRequest> state_request(const JsonValue& body) {
  const JsonValue* state = only(body, "state");
  FlagRequest request;
  if (state != nullptr && *state == JsonValue("ENABLED")) {
    request.enabled = true;
  } else if (state != nullptr && *state == JsonValue("DISABLED")) {
    request.enabled = false;
  } else {
    return bad("the body is not a state", R"({"state":"ENABLED"} or {"state":"DISABLED"})");
  }
  return request;
}

Result<FlagRequest> kill_request(const JsonValue& body) {
  const JsonValue* variant = only(body, "variant");
  if (variant == nullptr || !variant->is_string()) {
    return bad("the body does not name the variant to serve", R"({"variant":"off"})");
  }
  FlagRequest request;
  request.kill = variant->string();
  return request;
}

Result<FlagRequest> definition_request(const JsonValue& body, std::string_view key,
                                       const std::string& tenant) {
  flags::ParsedFlags parsed = flags::parse_flag_value(body, key, "body", tenant);
  if (!parsed.diagnostics.empty() || parsed.flags.flags.size() != 1) {
    const Diagnostic first = parsed.diagnostics.empty() ? Diagnostic{} : parsed.diagnostics.front();
    return fail("bad_flag", first.message.empty() ? "the body is no flag" : first.message,
                "line " + std::to_string(first.line) + ", column " + std::to_string(first.column),
                first.mend);
  }
  FlagRequest request;
  request.definition = std::move(parsed.flags.flags.front());
  return request;
}

Result<FlagRequest> change_request(const JsonValue& object,
                                   std::initializer_list<std::string_view> also) {
  if (!object.is_object()) return bad("a change is an object");
  const JsonMember* change = nullptr;
  for (const JsonMember& member : object.object()) {
    if (std::ranges::find(also, member.name) != also.end()) continue;
    if (change != nullptr) {
      return bad("'" + change->name + "' and '" + member.name + "' in one command",
                 "one change a command");
    }
    change = &member;
  }
  if (change == nullptr) return bad("the command asks for no change");
  return request_of(*change);
}

JsonValue change_json(const FlagRequest& request) {
  JsonValue::Object object;
  if (request.rollout) {
    JsonValue::Object weights;
    for (const auto& [name, weight] : *request.rollout) {
      weights.push_back({name, static_cast<double>(weight)});
    }
    object.push_back({"rollout", JsonValue(std::move(weights))});
  } else if (request.enabled) {
    object.push_back({"enabled", *request.enabled});
  } else if (request.kill) {
    object.push_back({"kill", *request.kill});
  } else {
    object.push_back({"reset", true});
  }
  return JsonValue(std::move(object));
}

}  // namespace flagmesh::engine
