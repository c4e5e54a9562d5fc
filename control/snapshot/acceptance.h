// Whether a router may serve a published state: DESIGN.md, "A router accepts a head only if". Pure:
// no I/O, no clock of its own.
//
//   auto head = acceptance.judge(note, now);      // origin, signatures, age, rollback, fork
//   if (head && head->is_new) read what it names, then
//     acceptance.accept_deltas(*head, deltas, now) or accept_full(*head, ...)
//
// Heartbeat: a cosignature/v1 on the head's checkpoint is what gives it a time. It counts by a
// pinned validator key, by a pinned engine key of that type, and by the cosignature/v1 form (same
// name, same public key) of a pinned Ed25519 engine key, so that one engine key is enough.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot/published_state.h"
#include "control/snapshot/snapshot.h"
#include "control/snapshot/state_replica.h"
#include "control/snapshot/state_source.h"
#include "merkle/checkpoint.h"
#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// Who has to have signed a head.
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

// How far ahead of trusted time a verified timestamp may be.
inline constexpr int64_t kFutureMs = 60'000;

// A signed note whose signatures were counted under TrustRules. Shared by router, engine and
// validator.
struct VerifiedHead {
  merkle::Checkpoint checkpoint;
  uint32_t engines = 0;  // distinct pinned keys that signed
  uint32_t validators = 0;
  int64_t newest_ms = 0;  // newest verified timestamp; 0: none
};

// Keys by role, checked: types fit the role, and no public key is there twice. A value; any thread.
class HeadVerifier {
 public:
  // Codes "bad_trust": a key of a type that does not fit, a public key with two roles or twice, a
  // requirement that the keys cannot meet, no origin.
  static Result<HeadVerifier> create(TrustRules rules);

  const TrustRules& rules() const { return rules_; }

  // Origin and signatures, not age and not `require`. Codes: "bad_head" (no note, no checkpoint),
  // "bad_origin", "bad_signature". Under kUnsigned a bare checkpoint text will do, and signatures
  // are not looked at.
  Result<VerifiedHead> verify(std::string_view note) const;
  // And enough of them signed: "not_enough_signatures".
  Result<VerifiedHead> verify_enough(std::string_view note) const;

 private:
  explicit HeadVerifier(TrustRules rules);

  TrustRules rules_;
  std::vector<merkle::VerifierKey> keys_;  // engines (both forms), then validators
  size_t engine_keys_ = 0;                 // of keys_
};

// The router's side. One owner, one thread.
class Acceptance {
 public:
  // Told what a step leads to before it takes effect: the place of the journal. An error refuses
  // the step with that code.
  using Persist = std::function<Status(std::string_view head, const StateReplica::Proposal&)>;

  // Codes as HeadVerifier::create; "bad_tenant".
  static Result<Acceptance> create(TrustRules rules, std::string tenant, Persist persist = {});

  // A head that passed every check that needs nothing but itself.
  struct Head {
    std::string note;
    merkle::Checkpoint checkpoint;
    int64_t newest_ms = 0;
    bool is_new = false;  // its state is not the one that is enforced
  };

  // Codes, in this order: "bad_head", "bad_origin", "bad_signature", "not_enough_signatures",
  // "stale" (also when no cosignature states a time), "from_future", "too_small"
  // (trust.min_checkpoint), "rollback", "fork". Under kUnsigned an older or other log is no error:
  // it is new.
  //
  // A head that is not new renews the freshness of the state in force: that is all that a
  // heartbeat does.
  Result<Head> judge(std::string_view note, int64_t now_ms);

  // The deltas from the state in force up to the head, in order, as they were read. Codes:
  // "bad_state" and those of StateReplica::take. Nothing changes on an error.
  Result<AcceptedState> accept_deltas(const Head& head, std::span<const std::string> deltas);

  // Everything. `chunks` as the manifest names them; `leaves`: those of the epochs from size()+1 to
  // the head's minus 1, empty when size() is 0. Flags that did not change are not compiled again.
  // More codes: "bad_chunk".
  Result<AcceptedState> accept_full(const Head& head, const Manifest& manifest,
                                    std::span<const std::string> chunks,
                                    std::vector<merkle::Hash> leaves);

  uint64_t size() const { return replica_.size(); }
  const std::string& tenant() const { return *replica_.tenant(); }
  const StateReplica& replica() const { return replica_; }
  const std::shared_ptr<Freshness>& freshness() const { return freshness_; }
  // The status of the state in force.
  TrustStatus trust() const;

 private:
  Acceptance(HeadVerifier verifier, std::string tenant, Persist persist);
  Status check_age(int64_t newest_ms, int64_t now_ms) const;
  Status check_place(const merkle::Checkpoint& checkpoint, bool& is_new) const;
  Result<AcceptedState> take(const Head& head, const StateStep& step);
  bool starts_over(const merkle::Checkpoint& checkpoint) const;

  HeadVerifier verifier_;
  StateReplica replica_;
  Persist persist_;
  std::shared_ptr<Freshness> freshness_;
};

}  // namespace flagmesh::snapshot
