#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include "control/validator/validator.h"
#include "proxy/base/durable_file.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"

namespace flagmesh {
namespace {

Status serve(const config::Config& config, const std::string& ports_file) {
  auto loop = event::Loop::create();
  if (!loop) return std::unexpected(loop.error());
  net::IoContext io(**loop);
  auto options = validator::validator_options(config);
  if (!options) return std::unexpected(options.error());
  auto validator = validator::Validator::create(**loop, cli::redis_carrier(io, config.redis),
                                                std::move(*options));
  if (!validator) return std::unexpected(validator.error());
  if (auto started = (*validator)->start(); !started) return started;
  if (!ports_file.empty()) {
    if (auto written = write_atomically(ports_file, "{}\n"); !written) return written;
  }
  spdlog::info("validator: looking at {}", config.redis.text());
  return cli::run_until_signal(**loop, [&] { (*loop)->stop(); });
}

int run(const std::string& file, const std::string& ports_file) {
  return cli::run_role(
      file, "validator", [](const config::Config& config) { return config.validator.has_value(); },
      [&](const config::Config& config) { return serve(config, ports_file); });
}

}  // namespace

void add_validator_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "validator", "Merkle validator: recomputes every epoch on its own and cosigns it");
  command->footer(
      "Examples:\n"
      "  flagmesh keygen --name validator.example.com --validator --out validator.key\n"
      "  flagmesh validator -c flagmesh.yaml\n"
      "Exit code: 0 after a signal, 1 cannot run, 2 the configuration has errors.");
  auto arguments = cli::add_role_options(
      *command, "write {} to this file once it runs: a validator listens nowhere");
  command->callback(
      [arguments, &exit_code] { exit_code = run(arguments->config, arguments->ports_file); });
}

}  // namespace flagmesh
