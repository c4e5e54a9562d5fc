// What the API changes.
#include <algorithm>
#include <utility>

#include "control/engine/api_flag.h"
#include "control/engine/api_response.h"
#include "control/engine/dry_run.h"
#include "control/engine/engine_api.h"
#include "control/engine/flag_request.h"
#include "control/flags/parse.h"
#include "control/flags/prerequisites.h"
#include "control/flags/read_json.h"
#include "merkle/hash.h"

namespace flagmesh::engine {

using flags::JsonValue;
using stream::LocalResponse;

namespace {

constexpr flags::ReadLimits kBodyLimits{1024 * 1024, 128, 100'000, 0};

Result<JsonValue> body_of(const ApiRequest& request) {
  auto body = flags::parse_json(request.body, kBodyLimits);
  if (body) return body;
  return fail("bad_json", "the body is no JSON: " + body.error().message, body.error().place);
}

// The error's first mistake, as the API tells it.
std::unexpected<Error> bad_flags(const Diagnostics& diagnostics) {
  const Diagnostic& first = diagnostics.front();
  return fail("bad_flag", first.message,
              "body:" + std::to_string(first.line) + ":" + std::to_string(first.column),
              first.mend);
}

}  // namespace

void EngineApi::write(const Call& call, Answer answer) {
  if (!call.request.idempotency_key.empty()) {
    if (answered_before(call, answer)) return;
    answer = remembering(call, std::move(answer));
  }
  if (call.route.call == ApiCall::kImport) return import_flags(call, std::move(answer));
  if (auto met = check_conditions(call); !met) return answer(error_response(met.error()));
  auto request = request_of(call);
  if (!request) return answer(error_response(request.error()));
  if (query_flag(call.request.query, "dry_run")) return answer(preview(call, *request));
  engine_.change(call.key, *request, call.author, finished(call.key, std::move(answer)));
}

Result<FlagRequest> EngineApi::request_of(const Call& call) const {
  if (call.route.call == ApiCall::kDeleteFlag) {
    FlagRequest reset;
    reset.reset = true;
    return reset;
  }
  const auto body = body_of(call.request);
  if (!body) return std::unexpected(body.error());
  switch (call.route.call) {
    case ApiCall::kRollout:
      return rollout_request(*body);
    case ApiCall::kState:
      return state_request(*body);
    case ApiCall::kKill:
      return kill_request(*body);
    default:
      break;
  }
  JsonValue wanted = *body;
  if (call.route.call == ApiCall::kPatchFlag) {
    const FlagStore::Flag* flag = engine_.flags().find(call.key);
    if (flag == nullptr) return fail("unknown_flag", "there is no flag '" + call.key + "'");
    wanted = merge_patch(editable_form(flag->definition), *body);
  }
  auto request = definition_request(wanted, call.key, engine_.flags().tenant());
  if (!request) return request;
  for (const flags::Prerequisite& needed : request->definition->prerequisites) {
    if (engine_.flags().find(needed.flag) != nullptr) continue;
    return fail("bad_flag", "its prerequisite '" + needed.flag + "' does not exist", {},
                "create that flag first");
  }
  return request;
}

// RFC 9110 §13.1: the client saw this state. A kill by whoever may is never held up by it.
Status EngineApi::check_conditions(const Call& call) const {
  if (call.route.call == ApiCall::kKill) return {};
  const FlagStore::Flag* flag = engine_.flags().find(call.key);
  const std::string tag = flag == nullptr ? std::string() : flag_tag(*flag);
  const std::string_view match = call.request.if_match;
  if (!match.empty() && !matches_tag(match, tag)) {
    return fail("changed_meanwhile", "flag '" + call.key + "' is not what If-Match names", {},
                "read it again");
  }
  const std::string_view none = call.request.if_none_match;
  if (!none.empty() && matches_tag(none, tag)) {
    return fail("changed_meanwhile", "flag '" + call.key + "' is there already", {},
                "read it, and send If-Match");
  }
  return {};
}

// What the change would do, to a sample of users; nothing is changed.
LocalResponse EngineApi::preview(const Call& call, const FlagRequest& request) const {
  FlagStore after = engine_.flags();
  const auto changes = after.apply(call.key, request, call.author);
  if (!changes) return error_response(changes.error());
  const FlagStore::Flag* old_flag = engine_.flags().find(call.key);
  const FlagStore::Flag* new_flag = after.find(call.key);
  const size_t sample = query_number(call.request.query, "sample", kSample, kMaxSample);
  const auto run = dry_run(old_flag == nullptr ? nullptr : &old_flag->definition,
                           new_flag == nullptr ? nullptr : &new_flag->definition, {}, sample,
                           engine_.loop().unix_seconds());
  if (!run) return error_response(run.error());
  JsonValue::Array changed;
  for (const FlagChange& change : *changes) changed.emplace_back(change.key);
  JsonValue::Object object = run->json().object();
  object.push_back(
      {"after", new_flag == nullptr ? JsonValue() : editable_form(new_flag->definition)});
  object.push_back(
      {"before", old_flag == nullptr ? JsonValue() : editable_form(old_flag->definition)});
  object.push_back({"changed_flags", JsonValue(std::move(changed))});
  object.push_back({"dry_run", true});
  object.push_back({"flag", call.key});
  return json_response(200, JsonValue(std::move(object)));
}

// A flagd file: all of its flags in one epoch, or none.
void EngineApi::import_flags(const Call& call, Answer answer) {
  const bool yaml = call.request.content_type.starts_with("application/yaml");
  flags::ParsedFlags parsed = flags::parse_flag_file(
      call.request.body, yaml ? "body.yaml" : "body.json", engine_.flags().tenant());
  flags::resolve_prerequisites(parsed.flags, parsed.diagnostics);
  if (!parsed.diagnostics.empty())
    return answer(error_response(bad_flags(parsed.diagnostics).error()));
  std::vector<std::pair<std::string, FlagRequest>> requests;
  for (flags::FlagDefinition& flag : parsed.flags.flags) {
    FlagRequest request;
    std::string key = flag.key;
    request.definition = std::move(flag);
    requests.emplace_back(std::move(key), std::move(request));
  }
  if (query_flag(call.request.query, "dry_run")) {
    FlagStore after = engine_.flags();
    JsonValue::Array changed;
    for (const auto& [key, request] : requests) {
      const FlagStore::Flag* before = after.find(key);
      const std::string old_form = before == nullptr ? std::string() : before->canonical;
      if (auto changes = after.apply(key, request, call.author); !changes) {
        return answer(error_response(changes.error()));
      }
      if (after.find(key)->canonical != old_form) changed.emplace_back(key);
    }
    JsonValue::Object object;
    object.push_back({"changed_flags", JsonValue(std::move(changed))});
    object.push_back({"dry_run", true});
    return answer(json_response(200, JsonValue(std::move(object))));
  }
  engine_.change_all(requests, call.author, finished({}, std::move(answer)));
}

Engine::Done EngineApi::finished(std::string name, Answer answer) {
  return
      [this, name = std::move(name), answer = std::move(answer)](Result<uint64_t> epoch) mutable {
        auto& counts = engine_.counters().api_writes;
        const bool waits = !epoch && epoch.error().code == "not_published_yet";
        if (!epoch && !waits) {
          ++counts[{"refused", epoch.error().code}];
          return answer(error_response(epoch.error()));
        }
        ++counts[{"accepted", ""}];
        JsonValue::Object object;
        if (!name.empty()) object.push_back({"flag", name});
        object.push_back({"epoch", epoch ? JsonValue(static_cast<double>(*epoch)) : JsonValue()});
        if (waits) object.push_back({"waiting_for", epoch.error().message});
        LocalResponse response = json_response(waits ? 202 : 200, JsonValue(std::move(object)));
        const FlagStore::Flag* flag = engine_.flags().find(name);
        if (flag != nullptr) response.headers.emplace_back("etag", flag_tag(*flag));
        answer(std::move(response));
      };
}

// --- Idempotency-Key
// ---------------------------------------------------------------------------------------------------

namespace {

std::string memory_key(const std::string& author, std::string_view key) {
  return author + "\n" + std::string(key);
}

std::string digest(const ApiRequest& request) {
  const std::string_view parts[] = {http::method_name(request.method),
                                    "\n",
                                    request.path,
                                    "\n",
                                    request.query,
                                    "\n",
                                    request.body};
  return merkle::sha256(parts).hex();
}

}  // namespace

// The same request again gets the first one's answer; another one with its key is a mistake.
bool EngineApi::answered_before(const Call& call, Answer& answer) {
  const auto known = remembered_.find(memory_key(call.author, call.request.idempotency_key));
  if (known == remembered_.end()) return false;
  const Remembered& entry = known->second;
  if (engine_.loop().now_ms() - entry.at > kRememberMs) return false;
  if (entry.request != digest(call.request)) {
    answer(error_response("key_used_otherwise", "this Idempotency-Key was used for another request",
                          "take a new one"));
  } else if (!entry.done) {
    answer(error_response("overloaded", "the first request with this key is not answered yet"));
  } else {
    answer(entry.response);
  }
  return true;
}

EngineApi::Answer EngineApi::remembering(const Call& call, Answer answer) {
  std::string key = memory_key(call.author, call.request.idempotency_key);
  if (remembered_order_.size() >= kRemembered) {
    remembered_.erase(remembered_order_.front());
    remembered_order_.pop_front();
  }
  remembered_.insert_or_assign(key, Remembered{digest(call.request), engine_.loop().now_ms()});
  remembered_order_.push_back(key);
  return [this, key = std::move(key), answer = std::move(answer)](LocalResponse response) mutable {
    const auto known = remembered_.find(key);
    if (known != remembered_.end()) {
      // What may succeed next time is not remembered.
      if (response.status >= 500 || response.status == 429) {
        remembered_.erase(known);
      } else {
        known->second.done = true;
        known->second.response = response;
      }
    }
    answer(std::move(response));
  };
}

}  // namespace flagmesh::engine
