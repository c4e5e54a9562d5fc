// Whether a router may serve a published state: DESIGN.md, "A router accepts a head only if". Pure:
// no I/O, no clock of its own.
//
//   auto head = acceptance.judge(note, now);      // origin, signatures, age, rollback, fork
//   if (head && head->is_new) read what it names, then
//     acceptance.accept_deltas(*head, deltas) or accept_full(*head, ...)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot/head_verifier.h"
#include "control/snapshot/published_state.h"
#include "control/snapshot/snapshot.h"
#include "control/snapshot/state_replica.h"
#include "control/snapshot/state_source.h"
#include "merkle/checkpoint.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// How far ahead of trusted time a verified timestamp may be.
inline constexpr int64_t kFutureMs = 60'000;

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
  // (trust.min_checkpoint), "rollback", "fork". Trusted time is `now_ms`, or the newest verified
  // timestamp when the clock was set back behind it. Under kUnsigned nothing is too old, and an
  // older or other log is no error: it is new.
  //
  // A head that is not new renews the freshness of the state in force: that is all that a
  // heartbeat does.
  Result<Head> judge(std::string_view note, int64_t now_ms);

  // The deltas from the state in force up to the head, in order, as they were read. Codes:
  // "bad_state" and those of StateReplica::take. Nothing changes on an error.
  Result<AcceptedState> accept_deltas(const Head& head, std::span<const std::string> deltas);

  // Everything. `chunks` as the manifest names them; `leaves`: those of the epochs from
  // known_leaves()+1 to the head's minus 1, empty when that is 0. Flags that did not change are not
  // compiled again. More codes: "bad_chunk".
  Result<AcceptedState> accept_full(const Head& head, const Manifest& manifest,
                                    std::span<const std::string> chunks,
                                    std::vector<merkle::Hash> leaves);

  // Epoch of the state in force; 0: none.
  uint64_t size() const { return replica_.size(); }
  // From where the log has to be shown: size(); 0 under kUnsigned, where any log will do.
  uint64_t known_leaves() const;
  const std::string& tenant() const { return *replica_.tenant(); }
  const StateReplica& replica() const { return replica_; }
  const std::shared_ptr<Freshness>& freshness() const { return freshness_; }
  // The status of the state in force.
  TrustStatus trust() const;

 private:
  std::shared_ptr<const flags::JsonValue> metadata_of(const StateReplica& replica) const;
  Acceptance(HeadVerifier verifier, std::string tenant, Persist persist);
  bool is_signed() const { return verifier_.rules().policy == TrustPolicy::kSigned; }
  Status check_age(int64_t newest_ms, int64_t now_ms) const;
  Status check_place(const merkle::Checkpoint& checkpoint) const;
  Result<AcceptedState> take(StateReplica& replica, const Head& head, const StateStep& step);

  HeadVerifier verifier_;
  StateReplica replica_;
  Persist persist_;
  int64_t newest_verified_ms_ = 0;  // over any head that verified: trusted time is never below it
  std::shared_ptr<Freshness> freshness_;
};

}  // namespace flagmesh::snapshot
