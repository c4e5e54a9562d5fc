#include <CLI/CLI.hpp>
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

int run(const std::string& engine) {
  const auto ready = call_engine(engine, http::Method::kGet, "/readyz");
  if (!ready) return cli::complain(ready.error());
  printf("engine %s: %s, epoch %s\n", engine.c_str(), ready->status == 200 ? "ready" : "not ready",
         shown(ready->body, "epoch").c_str());
  if (ready->body.find("reason") != nullptr) printf("  %s\n", shown(ready->body, "reason").c_str());
  if (ready->body.find("note") != nullptr)
    printf("  note: %s\n", shown(ready->body, "note").c_str());
  const auto all = call_engine(engine, http::Method::kGet, "/api/v1/flags");
  if (!all) return cli::complain(all.error());
  const int printed = print_flags(all->body);
  return ready->status == 200 ? printed : cli::kFailed;
}

}  // namespace

void add_status_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("status", "How the engine is, and every flag with its rollout");
  command->footer(
      "Examples:\n"
      "  flagmesh status\n"
      "  flagmesh status --engine http://engine.internal:8071\n"
      "Exit code: 0 ready, 1 not ready or unreachable.");
  auto engine = std::make_shared<std::string>(kDefaultEngine);
  command->add_option("--engine", *engine, "the engine's API")
      ->envname("FLAGMESH_ENGINE")
      ->capture_default_str();
  command->callback([engine, &exit_code] { exit_code = run(*engine); });
}

}  // namespace flagmesh
