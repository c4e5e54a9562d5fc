#include "proxy/state_sources.h"

#include <spdlog/spdlog.h>

#include "control/config/trust_material.h"
#include "control/redis/carrier_state_source.h"
#include "control/redis/redis_carrier.h"
#include "control/snapshot/acceptance.h"

namespace flagmesh {

redis::ClientOptions redis_client_options(const config::RedisConfig& redis) {
  redis::ClientOptions options;
  options.host = redis.host;
  options.port = redis.port;
  options.user = redis.user;
  options.password = redis.password.reveal();
  options.database = redis.database;
  return options;
}

Result<Builder::MakeSource> state_source_for(const config::Config& config) {
  if (config.flags.source != config::FlagSource::kRedis) {
    return fail("bad_source", "flags.source: this role gets its flags over Redis", config.file,
                "write `source: redis`, or run `flagmesh demo`, which has an engine in the same process");
  }
  return [rules = config::trust_rules(config.trust), flags = config.flags,
          redis = config.redis](net::IoContext& io) -> Result<std::unique_ptr<snapshot::StateSource>> {
    Result<snapshot::Acceptance> acceptance = snapshot::Acceptance::create(rules, flags.tenant);
    if (!acceptance) return std::unexpected(acceptance.error());
    auto carrier = std::make_unique<redis::RedisCarrier>(
        io, redis_client_options(redis), redis.prefix,
        [](const Status& connected) {
          if (connected) {
            spdlog::info("redis: connected");
          } else {
            spdlog::warn("redis: {}", connected.error().text());
          }
        });
    return std::make_unique<redis::CarrierStateSource>(io.loop(), std::move(carrier), std::move(*acceptance));
  };
}

}  // namespace flagmesh
