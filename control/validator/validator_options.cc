#include "control/validator/validator_options.h"

#include <utility>

namespace flagmesh::validator {

Result<ValidatorOptions> validator_options(const config::Config& config) {
  const config::ValidatorConfig& validator = *config.validator;
  auto key = config::read_signing_key(validator.signing_key, merkle::SignatureType::kCosignatureV1);
  if (!key) return std::unexpected(key.error());
  auto secrets = config::SecretSource::read(validator.tenant_secret);
  if (!secrets) return std::unexpected(secrets.error());
  return ValidatorOptions{config::trust_rules(config.trust), validator.state_dir, std::move(*key),
                          std::move(*secrets), validator.policy, validator.witnessed_logs};
}

}  // namespace flagmesh::validator
