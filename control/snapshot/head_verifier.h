// Who signed a head: the part of acceptance that router, engine and validator share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot/snapshot.h"
#include "merkle/checkpoint.h"
#include "merkle/note.h"
#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// Who has to have signed a head, and how young it has to be.
struct TrustRules {
  TrustPolicy policy = TrustPolicy::kSigned;
  std::string origin;
  std::vector<merkle::VerifierKey> engine_keys;     // kEd25519, or kCosignatureV1 for heartbeats
  std::vector<merkle::VerifierKey> validator_keys;  // kCosignatureV1
  uint32_t require_engine = 1;                      // distinct public keys of the role
  uint32_t require_validator = 0;
  int64_t max_age_ms = 600'000;
  uint64_t min_checkpoint = 0;
};

// A signed note whose signatures were counted under TrustRules.
struct VerifiedHead {
  merkle::Checkpoint checkpoint;
  uint32_t engines = 0;     // distinct pinned keys that signed the checkpoint itself
  uint32_t validators = 0;  // distinct pinned keys that cosigned it
  int64_t newest_ms = 0;    // newest verified timestamp, milliseconds; 0: none
  int64_t engine_ms = 0;    // newest of an engine's
};

// Keys by role, checked: types fit the role, and no public key is there twice. A value; any thread.
//
// Heartbeat: a cosignature/v1 on the head's checkpoint is what gives it a time. It counts by a
// pinned validator key, by a pinned engine key of that type, and by the cosignature/v1 form (same
// name, same public key) of a pinned Ed25519 engine key, so that one engine key is enough.
class HeadVerifier {
 public:
  // Code "bad_trust": a key of a type that does not fit, a public key that is there twice, a
  // requirement that the keys cannot meet, no origin.
  static Result<HeadVerifier> create(TrustRules rules);

  const TrustRules& rules() const { return rules_; }

  // Origin and signatures; not their number, not age. Codes, in this order: "bad_head" (no note, no
  // checkpoint), "bad_origin", "bad_signature" (a pinned key's is wrong). Under kUnsigned a bare
  // checkpoint text will do and signatures are not looked at.
  Result<VerifiedHead> verify(std::string_view note) const;
  // The checkpoint alone, whoever signed it: "bad_head", "bad_origin".
  Result<VerifiedHead> read(std::string_view note) const;
  // And as many signed as the rules require: "not_enough_signatures".
  Result<VerifiedHead> verify_enough(std::string_view note) const;

 private:
  enum class Role : uint8_t { kEngine, kHeartbeat, kValidator };

  explicit HeadVerifier(TrustRules rules) : rules_(std::move(rules)) {}
  Status add(const merkle::VerifierKey& key, Role role);
  Result<VerifiedHead> read(const Result<merkle::Note>& note, std::string_view bytes) const;
  Status count_signatures(const merkle::Note& note, VerifiedHead& head) const;

  TrustRules rules_;
  std::vector<merkle::VerifierKey> keys_;
  std::vector<Role> roles_;  // of keys_
};

}  // namespace flagmesh::snapshot
