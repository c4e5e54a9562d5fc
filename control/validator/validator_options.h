// What a validator needs to know, resolved from the configuration.
#pragma once

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/config/trust_material.h"
#include "control/snapshot/head_verifier.h"
#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::validator {

struct ValidatorOptions {
  snapshot::TrustRules trust;
  std::string state_dir;
  merkle::SigningKey key;  // kCosignatureV1
  config::SecretSource secrets = {};
  config::PolicyConfig policy = {};
  std::vector<config::WitnessedLogConfig> witnessed_logs = {};
};

// Reads the files that the section names. REQUIRES: config.validator is present and was parsed
// without errors. Codes of config/trust_material.h.
Result<ValidatorOptions> validator_options(const config::Config& config);

}  // namespace flagmesh::validator
