// Whether a router may serve a published state: DESIGN.md, "A router accepts a head only if". Pure:
// no I/O, no clock of its own.
//
//   acceptance.restore(*stored, ...)              // what a journal held, once, at the start
//   auto head = acceptance.judge(note, now, mono);    // origin, signatures, age, rollback, fork
//   if (head && head->is_new) read what it names, then
//     acceptance.accept_deltas(*head, deltas) or accept_full(*head, ...)
//   if (head && head->vouches) acceptance.vouch(*head)
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
#include "control/snapshot/journal.h"
#include "control/snapshot/published_state.h"
#include "control/snapshot/snapshot.h"
#include "control/snapshot/state_replica.h"
#include "control/snapshot/state_source.h"
#include "control/snapshot/trusted_time.h"
#include "merkle/checkpoint.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

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
    bool is_new = false;   // its state is not the one that is known
    bool vouches = false;  // its state is known, but was not enforced for want of signatures
    MonoMs fresh_until = 0;
  };

  // A journal's state, as it was kept; every root and every signature is verified again. Gives what
  // is to be enforced, which may be past its age, or nothing when its head is not signed as the
  // rules ask now (a key was taken out, trust.min_checkpoint raised): then only its place in the
  // log counts, until a head vouches for it or goes on from it. REQUIRES: nothing was accepted yet.
  // Codes: "bad_head", "bad_origin" and those of accept_full and accept_deltas: the journal is not
  // this router's.
  Result<std::optional<AcceptedState>> restore(const StoredTrust& stored, int64_t now_ms,
                                               MonoMs mono_ms = 0);

  // Codes, in this order: "bad_head", "bad_origin", "bad_signature", "not_enough_signatures",
  // "stale" (also when no cosignature states a time), "from_future", "too_small"
  // (trust.min_checkpoint), "rollback", "fork". `now_ms` is the machine's date, `mono_ms` its
  // monotonic clock: trusted_time.h. Under kUnsigned nothing is too old, and an older or other log
  // is no error: it is new.
  //
  // A head that is not new renews the freshness of the state in force: that is all that a
  // heartbeat does.
  Result<Head> judge(std::string_view note, int64_t now_ms, MonoMs mono_ms = 0);

  // The state that restore() did not enforce. REQUIRES: head.vouches.
  AcceptedState vouch(const Head& head);

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
  // The newest timestamp that verified over any head, and that head: what the next run has to be
  // told. 0: none yet.
  int64_t newest_verified_ms() const { return time_.newest(); }
  const std::string& newest_head() const { return newest_head_; }

 private:
  std::shared_ptr<const flags::JsonValue> metadata_of(const StateReplica& replica) const;
  Acceptance(HeadVerifier verifier, std::string tenant, Persist persist);
  bool is_signed() const { return verifier_.rules().policy == TrustPolicy::kSigned; }
  Status check_age(int64_t newest_ms, int64_t now_ms, MonoMs mono_ms) const;
  MonoMs fresh_until(int64_t newest_ms, int64_t now_ms, MonoMs mono_ms) const;
  Status load(const StoredTrust& stored, const merkle::Checkpoint& last);
  void saw(const VerifiedHead& head, std::string_view note, MonoMs mono_ms);
  Status check_place(const merkle::Checkpoint& checkpoint) const;
  Result<AcceptedState> take(StateReplica& replica, const Head& head, const StateStep& step);

  HeadVerifier verifier_;
  StateReplica replica_;
  Persist persist_;
  TrustedTime time_;
  std::string newest_head_;
  bool vouched_ = true;  // false: the state that is known came from a journal and is not enforced
  std::shared_ptr<Freshness> freshness_;
};

}  // namespace flagmesh::snapshot
