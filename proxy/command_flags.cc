#include <CLI/CLI.hpp>
#include <cstdio>

#include "control/flags/canonical_json.h"
#include "control/flags/yaml.h"
#include "proxy/base/time.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"
#include "proxy/engine_client.h"

namespace flagmesh {
namespace {

using flags::JsonMember;
using flags::JsonValue;

struct Arguments {
  std::string engine = kDefaultEngine;
  std::string flag;
  std::string file;
  uint32_t limit = 20;
  bool dry_run = false;
  bool json = false;
};

// A member as people read it; "-" when there is none.
std::string shown(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.find(name);
  if (value == nullptr || value->is_null()) return "-";
  return value->is_string() ? value->string() : flags::canonical_json(*value);
}

int print_json(const JsonValue& value) {
  printf("%s\n", flags::canonical_json(value).c_str());
  return cli::kDone;
}

std::string rollout_of(const JsonValue& flag) {
  const JsonValue* rollout = flag.find("rollout");
  std::string text;
  if (rollout == nullptr || !rollout->is_object()) return "-";
  for (const JsonMember& weight : rollout->object()) {
    text.append(text.empty() ? "" : ",").append(weight.name).append("=");
    text.append(flags::canonical_json(weight.value));
  }
  return text;
}

int list(const Arguments& arguments) {
  const auto answer = call_engine(arguments.engine, http::Method::kGet, "/api/v1/flags");
  if (!answer) return cli::complain(answer.error());
  if (arguments.json) return print_json(answer->body);
  const JsonValue* all = answer->body.find("flags");
  if (all == nullptr || !all->is_object()) return cli::kFailed;
  printf("%-32s %-9s %-8s %-16s %s\n", "FLAG", "STATE", "OWNER", "DEFAULT", "ROLLOUT");
  for (const JsonMember& flag : all->object()) {
    const JsonValue* found = flag.value.find("flag");
    const JsonValue definition = found == nullptr ? JsonValue() : *found;
    printf("%-32s %-9s %-8s %-16s %s\n", flag.name.c_str(), shown(definition, "state").c_str(),
           shown(flag.value, "owner").c_str(), shown(definition, "defaultVariant").c_str(),
           rollout_of(flag.value).c_str());
  }
  return cli::kDone;
}

int history(const Arguments& arguments) {
  const std::string path = arguments.flag.empty()
                               ? "/api/v1/history"
                               : "/api/v1/flags/" + path_segment(arguments.flag) + "/history";
  const auto answer = call_engine(arguments.engine, http::Method::kGet,
                                  path + "?limit=" + std::to_string(arguments.limit));
  if (!answer) return cli::complain(answer.error());
  if (arguments.json) return print_json(answer->body);
  const JsonValue* changes = answer->body.find("changes");
  if (changes == nullptr || !changes->is_array()) return cli::kFailed;
  printf("%-24s %-7s %-16s %-24s %s\n", "TIME", "EPOCH", "AUTHOR", "FLAG", "CHANGE");
  for (const JsonValue& change : changes->array()) {
    const JsonValue* time = change.find("time");
    const int64_t at = time == nullptr ? 0 : time->integer().value_or(0);
    printf("%-24s %-7s %-16s %-24s %s\n", rfc3339_millis(at).c_str(),
           shown(change, "epoch").c_str(), shown(change, "author").c_str(),
           shown(change, "flag").c_str(), shown(change, "what").c_str());
  }
  return cli::kDone;
}

int import_file(const Arguments& arguments) {
  const auto text = cli::read_file(arguments.file);
  if (!text) return cli::complain(text.error());
  const auto document = flags::read_document(*text, arguments.file);
  if (!document) {
    cli::print({document.error()});
    return cli::kBadConfig;
  }
  const std::string path = arguments.dry_run ? "/api/v1/import?dry_run=true" : "/api/v1/import";
  const auto answer =
      call_engine(arguments.engine, http::Method::kPost, path, flags::canonical_json(*document));
  if (!answer) return cli::complain(answer.error());
  if (arguments.json) return print_json(answer->body);
  if (arguments.dry_run) {
    const JsonValue* changed = answer->body.find("changed_flags");
    const bool any = changed != nullptr && changed->is_array() && !changed->array().empty();
    printf("%s\n", any ? "these flags would change:" : "nothing would change");
    for (size_t i = 0; any && i < changed->array().size(); ++i) {
      printf("  %s\n", changed->array()[i].string().c_str());
    }
  } else if (answer->status == 202) {
    printf("accepted, not published yet: %s\n", shown(answer->body, "waiting_for").c_str());
  } else {
    printf("imported; published as epoch %s\n", shown(answer->body, "epoch").c_str());
  }
  return cli::kDone;
}

std::shared_ptr<Arguments> common(CLI::App& command) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("--engine", arguments->engine, "the engine's API")
      ->envname("FLAGMESH_ENGINE")
      ->capture_default_str();
  command.add_flag("--json", arguments->json, "what the engine answers, for programs");
  return arguments;
}

}  // namespace

void add_flags_commands(CLI::App& app, int& exit_code) {
  CLI::App* all = app.add_subcommand("flags", "Every flag of the engine, as a table");
  all->footer(
      "Examples:\n"
      "  flagmesh flags\n"
      "  FLAGMESH_TOKEN=$(cat alice.token) flagmesh flags --engine http://engine.internal:8071 "
      "--json\n"
      "Exit code: 0, or 1 when the engine cannot be reached or refuses.");
  const auto of_flags = common(*all);
  all->callback([of_flags, &exit_code] { exit_code = list(*of_flags); });

  CLI::App* changes = app.add_subcommand("history", "Who changed what, newest first");
  changes->footer(
      "Examples:\n"
      "  flagmesh history\n"
      "  flagmesh history checkout --limit 5\n"
      "Exit code: 0, or 1 when the engine cannot be reached or refuses.");
  const auto of_history = common(*changes);
  changes->add_option("FLAG", of_history->flag, "only changes of this flag");
  changes->add_option("--limit", of_history->limit, "how many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  changes->callback([of_history, &exit_code] { exit_code = history(*of_history); });

  CLI::App* takes = app.add_subcommand(
      "import", "Gives the engine all flags of a flagd file, in one epoch or not at all");
  takes->footer(
      "Examples:\n"
      "  flagmesh import flags.json --dry-run\n"
      "  flagmesh import flags.yaml\n"
      "Exit code: 0 done, 1 refused or unreachable, 2 the file is no JSON or YAML.");
  const auto of_import = common(*takes);
  takes->add_option("FILE", of_import->file, "flagd definitions, YAML or JSON")->required();
  takes->add_flag("--dry-run", of_import->dry_run, "say what would change, change nothing");
  takes->callback([of_import, &exit_code] { exit_code = import_file(*of_import); });
}

}  // namespace flagmesh
