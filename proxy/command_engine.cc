#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include "control/engine/engine.h"
#include "control/engine/engine_api.h"
#include "control/engine/file_watcher.h"
#include "control/flags/canonical_json.h"
#include "proxy/base/durable_file.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"
#include "proxy/stream/local_server.h"
#include "proxy/witness_client.h"

namespace flagmesh {
namespace {

// What a publish in flight may take when the process is told to end.
constexpr MonoMs kStopWaitMs = 5'000;

Status write_ports(const std::string& file, const net::Address& address) {
  if (file.empty()) return {};
  std::string text = "{\"api\":";
  flags::append_json_string(address.text(), text);
  return write_atomically(file, text + "}\n");
}

// A file that cannot be used leaves the tokens as they are: half an edit locks nobody out, and lets nobody in.
void read_tokens_again(const std::string& file, engine::EngineApi& api) {
  auto tokens = config::ApiTokens::read(file);
  if (!tokens) return spdlog::error("tokens stay as they were: {}", tokens.error().text());
  api.set_tokens(std::move(*tokens));
  spdlog::info("tokens read again from {}", file);
}

Status serve(const config::Config& config, const std::string& ports_file) {
  auto loop = event::Loop::create();
  if (!loop) return std::unexpected(loop.error());
  net::IoContext io(**loop);
  auto options = engine::engine_options(config);
  if (!options) return std::unexpected(options.error());
  auto engine =
      engine::Engine::create(**loop, cli::redis_carrier(io, config.redis), std::move(*options));
  if (!engine) return std::unexpected(engine.error());
  engine::EngineApi api(**engine);
  const auto address = net::Address::parse(config.engine->address);
  if (!address) return std::unexpected(address.error());
  if (config.engine->tokens.empty() && !address->is_loopback() && !address->is_unix()) {
    spdlog::warn(
        "the API listens on {}: it can be read from there; changes are taken from loopback only",
        address->text());
  }
  stream::LocalServerOptions server_options;
  server_options.name = "engine";
  auto server = stream::LocalServer::start(io, *address, api, server_options);
  if (!server) return std::unexpected(server.error());
  std::optional<WitnessClient> witnesses;
  if (!config.engine->witnesses.empty()) {
    witnesses.emplace(**loop, **engine, config.engine->witnesses,
                      engine::heartbeat_interval(config.trust.max_age));
  }
  std::optional<engine::FileWatcher> tokens;
  if (const std::string& file = config.engine->tokens; !file.empty()) {
    tokens.emplace(
        **loop, [file] { return std::vector{file}; }, [file, &api] { read_tokens_again(file, api); });
    if (auto watching = tokens->start(); !watching) return watching;
  }
  if (auto started = (*engine)->start(); !started) return started;
  if (auto written = write_ports(ports_file, (*server)->address()); !written) return written;
  spdlog::info("engine: API on {}", (*server)->address().text());
  return cli::run_until_signal(**loop, [&] {
    spdlog::info("shutting down");
    (*engine)->stop(kStopWaitMs, [&] {
      (*server)->drain();
      (*loop)->stop();
    });
  });
}

int run(const std::string& file, const std::string& ports_file) {
  return cli::run_role(
      file, "engine", [](const config::Config& config) { return config.engine.has_value(); },
      [&](const config::Config& config) { return serve(config, ports_file); });
}

}  // namespace

void add_engine_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "engine", "Flag engine: owns the flags, answers the API, publishes epochs");
  command->footer(
      "Examples:\n"
      "  flagmesh engine -c flagmesh.yaml\n"
      "  curl http://127.0.0.1:8071/api/v1/flags\n"
      "Signals: TERM, INT finish the publish in flight and exit.\n"
      "Exit code: 0 after a signal, 1 cannot run, 2 the configuration has errors.");
  auto arguments = cli::add_role_options(
      *command, "write {\"api\":\"ADDRESS:PORT\"} to this file once it listens");
  command->callback(
      [arguments, &exit_code] { exit_code = run(arguments->config, arguments->ports_file); });
}

}  // namespace flagmesh
