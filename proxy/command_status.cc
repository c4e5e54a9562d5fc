#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "control/flags/canonical_json.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"
#include "proxy/engine_client.h"

namespace flagmesh {
namespace {

std::string shown(const flags::JsonValue& object, std::string_view name) {
  const flags::JsonValue* value = object.find(name);
  if (value == nullptr) return "-";
  return value->is_string() ? value->string() : flags::canonical_json(*value);
}

// Whoever can write to Redis may have written it: nothing of it moves a terminal's cursor.
std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text.substr(0, 100);
}

int print_flags(const flags::JsonValue& answer) {
  printf("%-32s %-9s %-8s %s\n", "FLAG", "STATE", "OWNER", "ROLLOUT");
  const flags::JsonValue* all = answer.find("flags");
  if (all == nullptr || !all->is_object())
    return cli::complain({"bad_response", "no list of flags"});
  for (const flags::JsonMember& flag : all->object()) {
    const flags::JsonValue* definition = flag.value.find("flag");
    std::string rollout;
    if (const flags::JsonValue* weights = flag.value.find("rollout");
        weights && weights->is_object()) {
      for (const flags::JsonMember& weight : weights->object()) {
        rollout +=
            (rollout.empty() ? "" : ",") + weight.name + "=" + flags::canonical_json(weight.value);
      }
    }
    printf("%-32s %-9s %-8s %s\n", flag.name.c_str(),
           definition == nullptr ? "-" : shown(*definition, "state").c_str(),
           shown(flag.value, "owner").c_str(), rollout.empty() ? "-" : rollout.c_str());
  }
  return cli::kDone;
}

int64_t whole(const flags::JsonValue& object, std::string_view name) {
  const flags::JsonValue* value = object.find(name);
  return value == nullptr ? 0 : value->integer().value_or(0);
}

std::string refusals_of(const flags::JsonValue& router) {
  std::string text;
  const flags::JsonValue* refused = router.find("refused");
  if (refused == nullptr || !refused->is_object()) return "-";
  for (const flags::JsonMember& code : refused->object()) {
    text += (text.empty() ? "" : ",") + printable(code.name) + "=" + flags::canonical_json(code.value);
  }
  return text.empty() ? "-" : text;
}

void print_routers(const flags::JsonValue& answer) {
  const flags::JsonValue* routers = answer.find("routers");
  if (routers == nullptr || !routers->is_array()) return;
  printf("%-32s %-9s %-9s %-9s %s\n", "ROUTER", "EPOCH", "LAG", "AGE", "REFUSED");
  for (const flags::JsonValue& router : routers->array()) {
    const bool behind = whole(router, "epoch") < whole(answer, "epoch");
    printf("%-32s %-9s %-9s %-9s %s%s\n", printable(shown(router, "router")).c_str(),
           shown(router, "epoch").c_str(),
           (std::to_string(whole(router, "lag_ms")) + " ms").c_str(),
           (std::to_string(whole(router, "age_ms") / 1000) + " s").c_str(),
           refusals_of(router).c_str(), behind ? "  behind" : "");
  }
  if (routers->array().empty()) printf("%s\n", "(no router has reported)");
}

// One JSON object of everything: {"flags":…,"ready":…,"routers":…}.
void print_json(const EngineAnswer& ready, const Result<EngineAnswer>& routers,
                const EngineAnswer& all) {
  flags::JsonValue::Object object = ready.body.is_object() ? ready.body.object()
                                                           : flags::JsonValue::Object();
  const flags::JsonValue* list = routers ? routers->body.find("routers") : nullptr;
  if (list != nullptr) object.push_back({"routers", *list});
  if (const flags::JsonValue* flags = all.body.find("flags")) object.push_back({"flags", *flags});
  printf("%s\n", flags::canonical_json(flags::JsonValue(std::move(object))).c_str());
}

int run(const std::string& engine, bool json) {
  const auto ready = call_engine(engine, http::Method::kGet, "/readyz");
  if (!ready) return cli::complain(ready.error());
  const auto routers = call_engine(engine, http::Method::kGet, "/api/v1/routers");
  const auto all = call_engine(engine, http::Method::kGet, "/api/v1/flags");
  if (!all) return cli::complain(all.error());
  if (json) {
    print_json(*ready, routers, *all);
    return ready->status == 200 ? cli::kDone : cli::kFailed;
  }
  printf("engine %s: %s, epoch %s\n", engine.c_str(), ready->status == 200 ? "ready" : "not ready",
         shown(ready->body, "epoch").c_str());
  if (ready->body.find("reason") != nullptr) printf("  %s\n", shown(ready->body, "reason").c_str());
  if (ready->body.find("note") != nullptr)
    printf("  note: %s\n", shown(ready->body, "note").c_str());
  if (routers) {
    print_routers(routers->body);
  } else {
    printf("routers: %s\n", routers.error().text().c_str());
  }
  printf("\n");
  const int printed = print_flags(all->body);
  return ready->status == 200 ? printed : cli::kFailed;
}

}  // namespace

void add_status_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("status", "How the engine is, which router enforces what, every flag");
  command->footer(
      "Examples:\n"
      "  flagmesh status\n"
      "  flagmesh status --engine http://engine.internal:8071 --json\n"
      "Routers say themselves what they enforce, over Redis; whoever owns Redis can forge that.\n"
      "LAG: from the epoch's making to enforced by every worker; AGE: of the newest signature.\n"
      "Exit code: 0 ready, 1 not ready or unreachable.");
  auto engine = std::make_shared<std::string>(kDefaultEngine);
  command->add_option("--engine", *engine, "the engine's API")
      ->envname("FLAGMESH_ENGINE")
      ->capture_default_str();
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "one JSON object");
  command->callback([engine, json, &exit_code] { exit_code = run(*engine, *json); });
}

}  // namespace flagmesh
