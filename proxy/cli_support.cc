#include "proxy/cli_support.h"

#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "control/redis/redis_carrier.h"
#include "proxy/base/durable_file.h"
#include "proxy/state_sources.h"

namespace flagmesh::cli {
namespace {

constexpr size_t kFileBytes = 64 * 1024 * 1024;

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

std::optional<config::Config> load(const std::string& file) {
  config::ParsedConfig parsed = config::load_config(file);
  if (print(parsed.diagnostics)) return std::nullopt;
  return std::move(parsed.config);
}

std::unique_ptr<snapshot::Carrier> redis_carrier(net::IoContext& io, const config::Config& config) {
  return std::make_unique<redis::RedisCarrier>(
      io, redis_client_options(config.redis), config.redis.prefix,
      [](const Status& connected) {
        if (connected) {
          spdlog::info("redis: connected");
        } else {
          spdlog::warn("redis: {}", connected.error().text());
        }
      });
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
