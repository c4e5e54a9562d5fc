// What the configuration says of trust, in the form that the roles use: rules, and keys read from
// their files.
#pragma once

#include <string>
#include <string_view>

#include "control/config/config.h"
#include "control/snapshot/head_verifier.h"
#include "merkle/signature_key.h"
#include "merkle/state_tree.h"
#include "proxy/base/result.h"

namespace flagmesh::config {

snapshot::TrustRules trust_rules(const TrustConfig& trust);

// A private key that `flagmesh keygen` wrote. Codes of read_secret_file and SigningKey::parse,
// "wrong_key" (another type); the place is the file.
Result<merkle::SigningKey> read_signing_key(const std::string& file, merkle::SignatureType type);

// Where tenants' secrets come from: a file with the master secret (`flagmesh keygen --secret`), or
// with one tenant's exported secret.
class SecretSource {
 public:
  SecretSource() = default;  // none: openings are zeros
  // An empty name: none. Codes of read_secret_file, "bad_secret".
  static Result<SecretSource> read(const std::string& file);

  bool present() const { return !master_.empty() || tenant_.present(); }
  merkle::TenantSecret of(std::string_view tenant) const;

 private:
  std::string master_;
  merkle::TenantSecret tenant_;
};

}  // namespace flagmesh::config
