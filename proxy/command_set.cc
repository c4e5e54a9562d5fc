#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <thread>

#include "control/config/trust_material.h"
#include "control/engine/command.h"
#include "control/engine/flag_request.h"
#include "control/flags/canonical_json.h"
#include "proxy/base/time.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"
#include "proxy/engine_client.h"

namespace flagmesh {
namespace {

struct Arguments {
  std::string flag;
  std::string rollout;
  std::string enabled;
  std::string kill;
  bool reset = false;
  std::string engine = kDefaultEngine;
  bool print_redis = false;
  std::string key;
  std::string tenant = "default";
  uint64_t base_epoch = 0;
  int64_t expires_in = 300;
  uint64_t wait = 0;  // seconds; 0: does not wait for routers
};

// "on=50,off=50"
Result<flags::Weights> parse_weights(std::string_view text) {
  flags::Weights weights;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    const size_t equals = item.rfind('=');
    int64_t weight = -1;
    if (equals != std::string_view::npos && equals > 0) {
      const char* end = item.data() + item.size();
      const auto [rest, error] = std::from_chars(item.data() + equals + 1, end, weight);
      if (error != std::errc() || rest != end) weight = -1;
    }
    if (weight < 0) {
      return fail("bad_weights", "'" + std::string(item) + "' is no weight", {},
                  "VARIANT=WHOLE NUMBER, separated by commas: on=50,off=50");
    }
    weights.emplace_back(item.substr(0, equals), weight);
  }
  return weights;
}

Result<engine::FlagRequest> request_of(const Arguments& arguments) {
  engine::FlagRequest request;
  if (!arguments.rollout.empty()) {
    auto weights = parse_weights(arguments.rollout);
    if (!weights) return std::unexpected(weights.error());
    request.rollout = std::move(*weights);
  }
  if (!arguments.enabled.empty()) request.enabled = arguments.enabled == "true";
  if (!arguments.kill.empty()) request.kill = arguments.kill;
  request.reset = arguments.reset;
  const int asked = request.rollout.has_value() + request.enabled.has_value() +
                    request.kill.has_value() + static_cast<int>(request.reset);
  if (asked != 1) {
    return fail("bad_arguments", "one change a command", {},
                "--rollout on=50,off=50, --enabled true|false, --kill VARIANT, or --reset");
  }
  return request;
}

// The note for PUBLISH on the commands channel, as it is.
Status print_command(const Arguments& arguments, engine::FlagRequest request) {
  const auto key = config::read_signing_key(arguments.key, merkle::SignatureType::kEd25519);
  if (!key) return std::unexpected(key.error());
  auto nonce = engine::new_nonce();
  if (!nonce) return std::unexpected(nonce.error());
  const engine::Command command{.tenant = arguments.tenant,
                                .flag = arguments.flag,
                                .request = std::move(request),
                                .author = {},
                                .base_epoch = arguments.base_epoch,
                                .nonce = std::move(*nonce),
                                .expires = unix_seconds() + arguments.expires_in};
  const auto note = engine::write_command(command, *key);
  if (!note) return std::unexpected(note.error());
  fwrite(note->data(), 1, note->size(), stdout);
  return {};
}

std::string effect_of(const flags::JsonValue& flag) {
  const flags::JsonValue* definition = flag.find("flag");
  if (definition == nullptr) return {};
  std::string text;
  if (const flags::JsonValue* state = definition->find("state")) text = state->string();
  if (const flags::JsonValue* rollout = flag.find("rollout")) {
    for (const flags::JsonMember& weight : rollout->object()) {
      text += ", " + weight.name + " " + flags::canonical_json(weight.value);
    }
  } else if (definition->find("targeting") == nullptr) {
    if (const auto* variant = definition->find("defaultVariant"))
      text += ", everybody gets " + variant->string();
  }
  return text;
}

// Waits until every router that reports enforces the epoch. Code "not_everywhere" with the names of
// those that do not.
Status wait_for_routers(const Arguments& arguments, int64_t epoch) {
  const MonoMs deadline = mono_ms() + arguments.wait * 1'000;
  for (;;) {
    const auto answer = call_engine(arguments.engine, http::Method::kGet, "/api/v1/routers");
    if (!answer) return std::unexpected(answer.error());
    const flags::JsonValue* routers = answer->body.find("routers");
    std::string behind;
    size_t count = 0;
    if (routers != nullptr && routers->is_array()) {
      for (const flags::JsonValue& router : routers->array()) {
        const flags::JsonValue* name = router.find("router");
        const flags::JsonValue* at = router.find("epoch");
        count++;
        if (at != nullptr && at->integer().value_or(0) >= epoch) continue;
        behind += (behind.empty() ? "" : ", ");
        behind += name != nullptr && name->is_string() ? flags::canonical_json(*name) : "?";
        behind += " at " + (at == nullptr ? std::string("?") : flags::canonical_json(*at));
      }
    }
    if (behind.empty() && count > 0) {
      printf("enforced by %zu router%s\n", count, count == 1 ? "" : "s");
      return {};
    }
    if (mono_ms() >= deadline) {
      return fail("not_everywhere",
                  count == 0 ? "no router has reported"
                             : "epoch " + std::to_string(epoch) + " is not enforced by " + behind,
                  {}, "flagmesh status has more; the change stays");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Status send(const Arguments& arguments, const engine::FlagRequest& request) {
  const std::string path = "/api/v1/flags/" + path_segment(arguments.flag);
  const flags::JsonValue change = engine::change_json(request);
  Result<EngineAnswer> answer = EngineAnswer();
  if (request.rollout) {
    answer = call_engine(arguments.engine, http::Method::kPost, path + "/rollout",
                         flags::canonical_json(*change.find("rollout")));
  } else if (request.enabled) {
    answer = call_engine(arguments.engine, http::Method::kPost, path + "/state",
                         *request.enabled ? R"({"state":"ENABLED"})" : R"({"state":"DISABLED"})");
  } else if (request.kill) {
    std::string body = "{\"variant\":";
    flags::append_json_string(*request.kill, body);
    answer = call_engine(arguments.engine, http::Method::kPost, path + "/kill", body + "}");
  } else {
    answer = call_engine(arguments.engine, http::Method::kDelete, path);
  }
  if (!answer) return std::unexpected(answer.error());
  const auto now = call_engine(arguments.engine, http::Method::kGet, path);
  const std::string effect = now ? effect_of(now->body) : "the flag is gone";
  const flags::JsonValue* epoch = answer->body.find("epoch");
  if (answer->status == 202 || epoch == nullptr || !epoch->is_number()) {
    const flags::JsonValue* waiting = answer->body.find("waiting_for");
    printf("flag %s: %s; accepted, not published yet: %s\n", arguments.flag.c_str(), effect.c_str(),
           waiting != nullptr && waiting->is_string() ? waiting->string().c_str() : "?");
    if (arguments.wait == 0) return {};
    return fail("not_everywhere", "it is not published yet", {}, "flagmesh status says why");
  }
  printf("flag %s: %s; published as epoch %s\n", arguments.flag.c_str(), effect.c_str(),
         flags::canonical_json(*epoch).c_str());
  return arguments.wait == 0 ? Status() : wait_for_routers(arguments, epoch->integer().value_or(0));
}

int run(const Arguments& arguments) {
  auto request = request_of(arguments);
  if (!request) {
    cli::complain(request.error());
    return cli::kBadConfig;
  }
  const Status done = arguments.print_redis ? print_command(arguments, std::move(*request))
                                            : send(arguments, *request);
  return done ? cli::kDone : cli::complain(done.error());
}

}  // namespace

void add_set_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("set", "Changes a flag, through the engine's API or as a signed command");
  command->footer(
      "Examples:\n"
      "  flagmesh set checkout --rollout on=50,off=50\n"
      "  flagmesh set checkout --kill off               everybody gets `off` at once\n"
      "  flagmesh set checkout --reset                  as its file defines it: undoes all of "
      "that\n"
      "  flagmesh set checkout --enabled false          the routes' fallback\n"
      "  flagmesh set checkout --kill off --wait        and say when every router enforces it\n"
      "  flagmesh set checkout --rollout on=50,off=50 --print-redis --key ops.key |\n"
      "    redis-cli -x PUBLISH flagmesh:commands       without the API: engine.command_keys has "
      "ops.key's verifier key\n"
      "Exit code: 0 done, 1 refused, unreachable, or not everywhere in time (--wait), 2 the command line has mistakes.");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("FLAG", arguments->flag, "key of the flag")->required();
  command->add_option("--rollout", arguments->rollout, "weights by variant: on=50,off=50");
  command->add_option("--enabled", arguments->enabled, "true or false")
      ->check(CLI::IsMember({"true", "false"}));
  command->add_option("--kill", arguments->kill, "serve this variant to everybody");
  command->add_flag("--reset", arguments->reset,
                    "forget what was changed over the file's definition");
  command->add_option("--engine", arguments->engine, "the engine's API")
      ->envname("FLAGMESH_ENGINE")
      ->capture_default_str();
  command
      ->add_option("--wait", arguments->wait,
                   "wait until every router that reports enforces it, so many seconds at most")
      ->expected(0, 1)
      ->default_str("20")
      ->check(CLI::Range(1, 3'600));
  CLI::Option* key = command->add_option("--key", arguments->key, "signing key for --print-redis");
  command
      ->add_flag("--print-redis", arguments->print_redis,
                 "print a signed command instead of calling the engine")
      ->needs(key);
  command->add_option("--tenant", arguments->tenant, "of the signed command")
      ->capture_default_str();
  command->add_option("--base-epoch", arguments->base_epoch,
                      "refuse the signed command if the flag changed after this epoch; 0: never");
  command
      ->add_option("--expires-in", arguments->expires_in,
                   "seconds that the signed command is good for")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace flagmesh
