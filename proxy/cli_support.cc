#include "proxy/cli_support.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <utility>

#include "control/redis/redis_carrier.h"
#include "proxy/base/durable_file.h"
#include "proxy/log.h"

namespace flagmesh::cli {
namespace {

constexpr size_t kFileBytes = 64 * 1024 * 1024;

redis::ClientOptions client_options(const config::RedisConfig& redis) {
  redis::ClientOptions options;
  options.place = {redis.host, redis.port};
  options.tls = redis.tls;
  options.tls_name = redis.tls_name;
  options.user = redis.user;
  options.password = redis.password.reveal();
  options.database = redis.database;
  return options;
}

std::optional<redis::SentinelOptions> sentinel_options(const config::RedisConfig& redis) {
  if (redis.sentinels.empty()) return std::nullopt;
  redis::SentinelOptions options;
  for (const config::RedisPlace& place : redis.sentinels) {
    options.sentinels.push_back({place.host, place.port});
  }
  options.master = redis.sentinel_master;
  options.user = redis.sentinel_user;
  options.password = redis.sentinel_password.reveal();
  options.tls = redis.tls;
  return options;
}

}  // namespace

int complain(const Error& error) {
  fprintf(stderr, "flagmesh: error: %s\n", error.text().c_str());
  return kFailed;
}

bool print(const Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) {
    fprintf(stderr, "%s\n", diagnostic.text().c_str());
  }
  return has_errors(diagnostics);
}

std::shared_ptr<RoleArguments> add_role_options(CLI::App& command, const std::string& ports_help) {
  auto arguments = std::make_shared<RoleArguments>();
  command.add_option("-c,--config", arguments->config, "the configuration")->required();
  command.add_option("--ports-file", arguments->ports_file, ports_help);
  return arguments;
}

int run_role(const std::string& file, std::string_view section,
             bool (*has_section)(const config::Config&),
             const std::function<Status(const config::Config&)>& serve) {
  const std::optional<config::Config> config = load(file);
  if (!config) return kBadConfig;
  if (!has_section(*config)) {
    fprintf(stderr, "%s: error: there is no `%.*s` section; this role needs one\n", file.c_str(),
            static_cast<int>(section.size()), section.data());
    return kBadConfig;
  }
  set_up_log(config->log);
  if (Status served = serve(*config); !served) {
    spdlog::error("cannot run: {}", served.error().text());
    return kFailed;
  }
  spdlog::info("stopped");
  return kDone;
}

std::optional<config::Config> load(const std::string& file) {
  config::ParsedConfig parsed = config::load_config(file);
  if (print(parsed.diagnostics)) return std::nullopt;
  return std::move(parsed.config);
}

std::unique_ptr<snapshot::Carrier> redis_carrier(net::IoContext& io,
                                                 const config::RedisConfig& redis) {
  return std::make_unique<redis::RedisCarrier>(
      io, client_options(redis), redis.prefix, [](const Status& connected) {
        if (connected) {
          spdlog::info("redis: connected");
        } else {
          spdlog::warn("redis: {} ({})", connected.error().text(), connected.error().code);
        }
      },
      sentinel_options(redis));
}

Status run_until_signal(event::Loop& loop, std::function<void()> on_stop) {
  signal(SIGPIPE, SIG_IGN);
  auto stopping = std::make_shared<bool>(false);
  for (const int number : {SIGTERM, SIGINT}) {
    const Status watched = loop.on_signal(number, [&loop, stopping, on_stop] {
      if (std::exchange(*stopping, true)) return loop.stop();
      on_stop();
    });
    if (!watched) return watched;
  }
  loop.run();
  return {};
}

Result<std::string> read_file(const std::string& path) {
  auto bytes = read_if_exists(path, kFileBytes);
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes) return fail("read_failed", "there is no such file", path);
  return std::move(**bytes);
}

}  // namespace flagmesh::cli
