// What an engine needs to know, resolved from the configuration.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/config/api_tokens.h"
#include "control/config/config.h"
#include "control/config/trust_material.h"
#include "control/engine/command.h"
#include "control/snapshot/head_verifier.h"
#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::engine {

struct EngineOptions {
  config::FlagsConfig flags;  // tenant, and where its files are
  snapshot::TrustRules trust;
  std::string state_dir;
  std::optional<merkle::SigningKey> key = {};  // none: policy unsigned
  config::SecretSource secrets = {};
  CommandRules commands = {};
  config::OfrepConfig ofrep = {};
  std::shared_ptr<const config::ApiTokens> tokens = {};  // null: none
  uint32_t rate_limit = 100;  // requests a second for each token; 0: none
  config::LockRule require_lock = {};
  std::string lock_file = {};
};

// Reads the files that the section names. REQUIRES: config.engine is present and was parsed without
// errors. Codes of config/trust_material.h.
Result<EngineOptions> engine_options(const config::Config& config);

}  // namespace flagmesh::engine
