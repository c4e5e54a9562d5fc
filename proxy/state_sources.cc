#include "proxy/state_sources.h"

#include <spdlog/spdlog.h>

#include "control/config/trust_material.h"
#include "control/redis/carrier_state_source.h"
#include "control/snapshot/acceptance.h"
#include "proxy/cli_support.h"
#include "proxy/state_from_lock.h"

namespace flagmesh {
namespace {

constexpr uint64_t kRereadMs = 4'000;

}  // namespace

Result<Builder::MakeSource> state_source_for(const config::Config& config, bool takes_over) {
  if (config.flags.source != config::FlagSource::kRedis) {
    return fail(
        "bad_source", "flags.source: this role gets its flags over Redis", config.file,
        "write `source: redis`, or run `flagmesh demo`, which has an engine in the same process");
  }
  return [rules = config::trust_rules(config.trust), flags = config.flags, redis = config.redis,
          folder = config.proxy->state_dir,
          takes_over](net::IoContext& io) -> Result<std::unique_ptr<snapshot::StateSource>> {
    std::unique_ptr<snapshot::Journal> journal;
    snapshot::Acceptance::Persist persist;
    if (!folder.empty()) {
      Result<std::unique_ptr<snapshot::Journal>> opened =
          snapshot::Journal::open(folder, takes_over);
      if (!opened) return std::unexpected(opened.error());
      journal = std::move(*opened);
      persist = [to = journal.get()](std::string_view head,
                                     const snapshot::StateReplica::Proposal& proposal) {
        return to->keep(head, proposal);
      };
    }
    std::optional<snapshot::StoredTrust> seed;
    if (!flags.lock.empty()) {
      Result<snapshot::StoredTrust> locked = state_from_lock(flags);
      if (!locked) {
        spdlog::error("flags.lock is of no use ({}): {}", locked.error().code,
                      locked.error().text());
      } else {
        seed = *std::move(locked);
      }
    }
    Result<snapshot::Acceptance> acceptance =
        snapshot::Acceptance::create(rules, flags.tenant, std::move(persist));
    if (!acceptance) return std::unexpected(acceptance.error());
    return std::make_unique<redis::CarrierStateSource>(io.loop(), cli::redis_carrier(io, redis),
                                                       std::move(*acceptance), kRereadMs,
                                                       std::move(journal), std::move(seed));
  };
}

}  // namespace flagmesh
