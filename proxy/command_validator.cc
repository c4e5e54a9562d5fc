#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include "control/config/trust_material.h"
#include "control/flags/canonical_json.h"
#include "control/validator/validator.h"
#include "control/validator/validator_api.h"
#include "proxy/base/durable_file.h"
#include "proxy/cli_support.h"
#include "proxy/commands.h"
#include "proxy/stream/local_server.h"

namespace flagmesh {
namespace {

// What it listens with, when it has an address.
struct Http {
  std::unique_ptr<validator::ValidatorApi> api;
  std::unique_ptr<stream::LocalServer> server;
};

Result<Http> listen(net::IoContext& io, const config::ValidatorConfig& config,
                    validator::Validator& validator) {
  Http http;
  if (config.address.empty()) return http;
  auto witness = validator::Witness::open(config.state_dir, config.witnessed_logs);
  if (!witness) return std::unexpected(witness.error());
  auto key = config::read_signing_key(config.signing_key, merkle::SignatureType::kCosignatureV1);
  if (!key) return std::unexpected(key.error());
  http.api = std::make_unique<validator::ValidatorApi>(validator, std::move(*witness),
                                                       std::move(*key));
  const auto address = net::Address::parse(config.address);
  if (!address) return std::unexpected(address.error());
  stream::LocalServerOptions options;
  options.name = "validator";
  auto server = stream::LocalServer::start(io, *address, *http.api, options);
  if (!server) return std::unexpected(server.error());
  http.server = std::move(*server);
  return http;
}

Status write_ports(const std::string& file, const Http& http) {
  if (file.empty()) return {};
  std::string text = "{";
  if (http.server) {
    text += "\"address\":";
    flags::append_json_string(http.server->address().text(), text);
  }
  return write_atomically(file, text + "}\n");
}

struct Arguments {
  std::shared_ptr<cli::RoleArguments> role;
  bool trust_head = false;
};

Status serve(const config::Config& config, const Arguments& arguments) {
  auto loop = event::Loop::create();
  if (!loop) return std::unexpected(loop.error());
  net::IoContext io(**loop);
  auto options = validator::validator_options(config);
  if (!options) return std::unexpected(options.error());
  auto validator = validator::Validator::create(**loop, cli::redis_carrier(io, config.redis),
                                                std::move(*options));
  if (!validator) return std::unexpected(validator.error());
  if (arguments.trust_head) (*validator)->trust_head();
  const auto http = listen(io, *config.validator, **validator);
  if (!http) return std::unexpected(http.error());
  if (auto started = (*validator)->start(); !started) return started;
  if (auto written = write_ports(arguments.role->ports_file, *http); !written) return written;
  spdlog::info("validator: looking at {}", config.redis.text());
  return cli::run_until_signal(**loop, [&] {
    if (http->server) http->server->drain();
    (*loop)->stop();
  });
}

int run(const Arguments& arguments) {
  return cli::run_role(
      arguments.role->config, "validator",
      [](const config::Config& config) { return config.validator.has_value(); },
      [&](const config::Config& config) { return serve(config, arguments); });
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
  auto arguments = std::make_shared<Arguments>();
  arguments->role = cli::add_role_options(
      *command, "write {\"address\":\"ADDRESS:PORT\"} to this file once it runs; {} without one");
  command->add_flag("--trust-head", arguments->trust_head,
                    "the head in force is where its policy starts from: for one that says "
                    "base_unknown. It still has to continue what was cosigned");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace flagmesh
