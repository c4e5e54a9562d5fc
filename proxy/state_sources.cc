#include "proxy/state_sources.h"

#include "control/config/trust_material.h"
#include "control/redis/carrier_state_source.h"
#include "control/snapshot/acceptance.h"
#include "proxy/cli_support.h"

namespace flagmesh {

Result<Builder::MakeSource> state_source_for(const config::Config& config) {
  if (config.flags.source != config::FlagSource::kRedis) {
    return fail(
        "bad_source", "flags.source: this role gets its flags over Redis", config.file,
        "write `source: redis`, or run `flagmesh demo`, which has an engine in the same process");
  }
  return [rules = config::trust_rules(config.trust), flags = config.flags, redis = config.redis](
             net::IoContext& io) -> Result<std::unique_ptr<snapshot::StateSource>> {
    Result<snapshot::Acceptance> acceptance = snapshot::Acceptance::create(rules, flags.tenant);
    if (!acceptance) return std::unexpected(acceptance.error());
    return std::make_unique<redis::CarrierStateSource>(io.loop(), cli::redis_carrier(io, redis),
                                                       std::move(*acceptance));
  };
}

}  // namespace flagmesh
