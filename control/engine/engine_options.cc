#include "control/engine/engine_options.h"

#include <utility>

namespace flagmesh::engine {

Result<EngineOptions> engine_options(const config::Config& config) {
  const config::EngineConfig& engine = *config.engine;
  EngineOptions options{config.flags, config::trust_rules(config.trust), engine.state_dir};
  if (config.trust.policy == snapshot::TrustPolicy::kSigned) {
    auto key = config::read_signing_key(engine.signing_key, merkle::SignatureType::kEd25519);
    if (!key) return std::unexpected(key.error());
    options.key = std::move(*key);
  }
  auto secrets = config::SecretSource::read(engine.tenant_secret);
  if (!secrets) return std::unexpected(secrets.error());
  options.secrets = std::move(*secrets);
  options.commands.policy = static_cast<CommandPolicy>(engine.redis_commands);
  options.commands.keys = engine.command_keys;
  options.ofrep = engine.ofrep;
  options.rate_limit = engine.rate_limit;
  options.require_lock = engine.require_lock;
  options.lock_file = engine.lock_file;
  if (!engine.tokens.empty()) {
    auto tokens = config::ApiTokens::read(engine.tokens);
    if (!tokens) return std::unexpected(tokens.error());
    options.tokens = std::move(*tokens);
  }
  return options;
}

}  // namespace flagmesh::engine
