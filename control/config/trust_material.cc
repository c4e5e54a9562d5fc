#include "control/config/trust_material.h"

#include <utility>

#include "merkle/secret_file.h"

namespace flagmesh::config {
namespace {

constexpr size_t kMasterBytes = 32;  // letters at least
constexpr std::string_view kExported = "flagmesh-tenant-secret:";

}  // namespace

snapshot::TrustRules trust_rules(const TrustConfig& trust) {
  snapshot::TrustRules rules;
  rules.policy = trust.policy;
  // An unsigned log needs a name too: a checkpoint without one does not parse.
  rules.origin = trust.origin.empty() ? "unsigned" : trust.origin;
  rules.engine_keys = trust.engine_keys;
  rules.validator_keys = trust.validator_keys;
  rules.require_engine = trust.require_engine;
  rules.require_validator = trust.require_validator;
  rules.max_age_ms = trust.max_age;
  rules.min_checkpoint = trust.min_checkpoint;
  return rules;
}

Result<merkle::SigningKey> read_signing_key(const std::string& file, merkle::SignatureType type) {
  const auto text = merkle::read_secret_file(file);
  if (!text) return std::unexpected(text.error());
  auto key = merkle::SigningKey::parse(*text);
  if (!key) {
    key.error().place = file;
    return key;
  }
  if (key->verifier().type() != type) {
    const auto is = merkle::to_string(key->verifier().type());
    const auto wanted = merkle::to_string(type);
    return fail("wrong_key",
                "the key is of type " + std::string(is) + ", not " + std::string(wanted), file,
                "one key has one role: make another with flagmesh keygen");
  }
  return key;
}

Result<SecretSource> SecretSource::read(const std::string& file) {
  SecretSource source;
  if (file.empty()) return source;
  auto text = merkle::read_secret_file(file);
  if (!text) return std::unexpected(text.error());
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->starts_with(kExported)) {
    auto secret = merkle::TenantSecret::parse(*text);
    if (!secret) return std::unexpected(secret.error());
    source.tenant_ = *secret;
    return source;
  }
  if (text->size() < kMasterBytes) {
    return fail("bad_secret", "the master secret is shorter than 32 letters", file,
                "make one with flagmesh keygen --secret");
  }
  source.master_ = std::move(*text);
  return source;
}

merkle::TenantSecret SecretSource::of(std::string_view tenant) const {
  return tenant_.present() ? tenant_ : merkle::TenantSecret::derive(master_, tenant);
}

}  // namespace flagmesh::config
