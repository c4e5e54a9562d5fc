#include <CLI/CLI.hpp>
#include <cstdio>

#include "control/engine/flag_files.h"
#include "control/flags/canonical_json.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/context.h"
#include "proxy/base/time.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"
#include "proxy/http/tokens.h"

namespace flagmesh {
namespace {

struct Arguments {
  std::string flag;
  std::string user;
  std::vector<std::string> headers;
  std::vector<std::string> cookies;
  std::vector<std::string> facts;
  std::vector<std::string> files;
  std::string tenant = "default";
  bool json = false;
};

using flags::JsonValue;

// "name=value" into an object; header names in lower case.
Result<JsonValue::Object> pairs(const std::vector<std::string>& texts, bool lower_case) {
  JsonValue::Object object;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail("bad_arguments", "'" + text + "' is not NAME=VALUE");
    }
    std::string name = text.substr(0, equals);
    for (char& c : name) c = lower_case ? http::to_lower(c) : c;
    object.push_back({std::move(name), text.substr(equals + 1)});
  }
  return object;
}

// The context as a router has it of a request.
Result<JsonValue> context_of(const Arguments& arguments) {
  auto context = pairs(arguments.facts, false);
  auto headers = pairs(arguments.headers, true);
  auto cookies = pairs(arguments.cookies, false);
  for (const auto* object : {&context, &headers, &cookies}) {
    if (!*object) return std::unexpected(object->error());
  }
  if (!arguments.user.empty()) context->push_back({"targetingKey", arguments.user});
  context->push_back({"header", JsonValue(std::move(*headers))});
  context->push_back({"cookie", JsonValue(std::move(*cookies))});
  return JsonValue(std::move(*context));
}

void explain(const flags::CompiledFlag& flag, const flags::Evaluation& evaluation,
             const flags::BucketTrace& trace) {
  if (evaluation.variant == nullptr) {
    printf("%s: no variant: the route's fallback is served\n", flag.key().c_str());
  } else {
    printf("%s: variant %s, value %s\n", flag.key().c_str(), evaluation.variant->name.c_str(),
           flags::canonical_json(evaluation.variant->value).c_str());
  }
  printf("  reason: %s", std::string(flags::reason_name(evaluation.reason)).c_str());
  if (evaluation.error != flags::ErrorCode::kNone) {
    printf(" (%s)", std::string(flags::error_code_name(evaluation.error)).c_str());
  }
  printf("\n");
  if (evaluation.reason == flags::Reason::kTargetingMatch || trace.rule_count != 0) {
    printf("  rule: %s\n", flags::rule_pointer(trace).c_str());
  }
  if (trace.decided) {
    const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
    printf("  bucket: %llu of %llu (hash %u); this result has %llu to %llu\n", number(trace.bucket),
           number(trace.total_weight), trace.hash, number(trace.first), number(trace.end - 1));
  }
}

// The same for programs; docs/flags.md names the members.
JsonValue explanation_json(const flags::CompiledFlag& flag, const flags::Evaluation& evaluation,
                           const flags::BucketTrace& trace) {
  JsonValue::Object object;
  object.push_back({"flag", flag.key()});
  object.push_back({"reason", flags::reason_name(evaluation.reason)});
  if (evaluation.error != flags::ErrorCode::kNone) {
    object.push_back({"errorCode", flags::error_code_name(evaluation.error)});
  }
  if (evaluation.variant != nullptr) {
    object.push_back({"variant", evaluation.variant->name});
    object.push_back({"value", evaluation.variant->value});
  }
  if (trace.rule_count != 0) object.push_back({"rule", flags::rule_pointer(trace)});
  if (trace.decided) {
    object.push_back({"bucket", static_cast<double>(trace.bucket)});
    object.push_back({"buckets", static_cast<double>(trace.total_weight)});
    object.push_back({"bucketFrom", static_cast<double>(trace.first)});
    object.push_back({"bucketTo", static_cast<double>(trace.end - 1)});
    object.push_back({"hash", static_cast<double>(trace.hash)});
  }
  return JsonValue(std::move(object));
}

int run(const Arguments& arguments) {
  const engine::FlagFiles files = engine::read_flag_files(arguments.files, arguments.tenant);
  if (cli::print(files.diagnostics)) return cli::kBadConfig;
  const flags::FlagDefinition* definition = files.set.find(arguments.flag);
  if (definition == nullptr) {
    std::vector<std::string> keys;
    for (const flags::FlagDefinition& flag : files.set.flags) keys.push_back(flag.key);
    const std::string near = nearest(arguments.flag, keys);
    return cli::complain({"unknown_flag",
                          "the files define no flag '" + arguments.flag + "'",
                          {},
                          near.empty() ? "" : "did you mean '" + near + "'?"});
  }
  const auto compiled = flags::CompiledFlag::compile(*definition);
  if (!compiled) return cli::complain(compiled.error());
  const auto context = context_of(arguments);
  if (!context) {
    cli::complain(context.error());
    return cli::kBadConfig;
  }
  flags::BucketTrace trace;
  const flags::JsonContext facts(*context, unix_seconds());
  const flags::Evaluation evaluation = (*compiled)->evaluate(facts, &trace);
  if (arguments.json) {
    printf("%s\n", flags::canonical_json(explanation_json(**compiled, evaluation, trace)).c_str());
  } else {
    explain(**compiled, evaluation, trace);
  }
  return cli::kDone;
}

}  // namespace

void add_eval_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("eval", "Says which variant a user gets, and why");
  command->footer(
      "Examples:\n"
      "  flagmesh eval checkout --user alice -f flags/shop.yaml\n"
      "  flagmesh eval checkout --user alice --header x-beta=1 --cookie plan=pro -f flags/*.yaml\n"
      "  flagmesh eval checkout --user alice --fact path=/checkout --fact ip=10.0.0.1 -f "
      "flags/*.yaml\n"
      "Exit code: 0 evaluated, 1 there is no such flag, 2 files or command line have mistakes.");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("FLAG", arguments->flag, "key of the flag")->required();
  command->add_option("-u,--user", arguments->user, "targeting key");
  command->add_option("--header", arguments->headers, "NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--cookie", arguments->cookies, "NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--fact", arguments->facts,
                   "NAME=VALUE of any other fact of a request: path, method, host, ip")
      ->allow_extra_args(false);
  command->add_option("-f,--files", arguments->files, "flag files")->required();
  command->add_option("--tenant", arguments->tenant, "of the flags")->capture_default_str();
  command->add_flag("--json", arguments->json, "one JSON object, for programs");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace flagmesh
