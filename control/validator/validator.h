// The Merkle validator: recomputes every epoch on its own and cosigns its checkpoint, or refuses
// and says why. It serves nobody; what it signs goes back over the carrier. Any number may run,
// each with its own key and state_dir.
//
// For the head that is in force, and for the candidate that the engine asks about, in this order:
//   the engine signed it; it continues the log that this validator cosigned last (also across
//   restarts); every tenant's root and the state root, recomputed from the entries, are those that
//   were signed; every flag can be evaluated; with the tenants' secret the openings are what they
//   have to be; the policy allows the step from the state that was cosigned last (policy.h). Then
//   the log is written down with what the policy has to remember, and then it is cosigned.
//
// A policy needs a state to judge from. After a restart that is the head that was cosigned last or
// was in force then (its root is on disk), or one that other validators have put in force; another
// one is refused as "base_unknown", so that nobody can slip a state in while a validator is down.
// A head that others put in force although the policy refuses it is what candidates start from, but
// it is not cosigned.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/redis/head_read.h"
#include "control/snapshot/carrier.h"
#include "control/snapshot/head_verifier.h"
#include "control/snapshot/state_replica.h"
#include "control/validator/policy.h"
#include "control/validator/signed_log.h"
#include "control/validator/validator_options.h"
#include "merkle/note.h"
#include "proxy/base/result.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"

namespace flagmesh::validator {

// Written and read on the loop's thread.
struct ValidatorMetrics {
  uint64_t epoch = 0;     // of the newest checkpoint that was cosigned
  uint64_t cosigned = 0;  // checkpoints, heartbeats not counted
  uint64_t heartbeats = 0;
  std::map<std::string, uint64_t> refused;  // by Error::code
  std::optional<Error> refusal;             // of the newest head or candidate; nothing: cosigned
  int64_t refused_at = 0;                   // seconds since 1970
  bool connected = false;
};

// Everything on the loop's thread, which outlives it.
class Validator {
 public:
  static constexpr MonoMs kLookMs = 5'000;  // also without being told

  // Codes: those of HeadVerifier::create and SignedLog::open; "bad_trust": its key is not among
  // trust.keys.validator.
  static Result<std::unique_ptr<Validator>> create(event::Loop& loop,
                                                   std::unique_ptr<snapshot::Carrier> carrier,
                                                   ValidatorOptions options);
  ~Validator();

  // Connects and looks, for as long as it lives.
  Status start();
  // The next head that the engine signed and that continues the log is the state that the policy
  // starts from, whoever put it in force: for an operator whose validator says "base_unknown".
  void trust_head() { trust_head_ = true; }
  const ValidatorMetrics& metrics() const { return metrics_; }

  // --- the log that it cosigns ---
  const std::string& origin() const { return options_.trust.origin; }
  const merkle::VerifierKey& key() const { return options_.key.verifier(); }
  uint64_t size() const { return signed_.size(); }
  merkle::Hash root() const { return signed_.root(); }
  // A cosignature of the newest checkpoint with this moment's time. REQUIRES: size() > 0. Code
  // "sign_failed".
  Result<merkle::NoteSignature> cosignature() const;
  // The engine has signed this checkpoint of the log.
  bool is_signed(std::string_view note) const { return verified(note).has_value(); }

 private:
  // A candidate that was cosigned: what the head becomes when it is moved there.
  struct Examined {
    merkle::Checkpoint checkpoint;
    snapshot::StateStep step;
    snapshot::FlagTable flags;
  };

  Validator(event::Loop& loop, std::unique_ptr<snapshot::Carrier> carrier, ValidatorOptions options,
            snapshot::HeadVerifier verifier, SignedLog signed_log);
  void look();
  void on_head(const Result<std::optional<std::string>>& text);
  void take_head(const snapshot::VerifiedHead& head, const snapshot::StateStep& step);
  bool is_base(const snapshot::VerifiedHead& head) const;
  bool in_force(const snapshot::VerifiedHead& head) const;
  void read_candidate();
  void on_candidate(const std::string& bytes);
  Status judge(const merkle::Checkpoint& checkpoint, snapshot::Candidate candidate);
  std::map<std::string, merkle::Hash> roots_before(const snapshot::StateStep& step) const;
  Result<snapshot::VerifiedHead> verified(std::string_view note) const;
  Result<PolicyMemory> allow(const snapshot::StateReplica::Proposal& proposal,
                             const std::string& lock) const;
  Status check_openings(const snapshot::StateStep& step) const;
  Status cosign(const merkle::Checkpoint& checkpoint, merkle::CompactRange range,
                PolicyMemory memory);
  void write_cosignature();
  void refuse(std::string_view what, const Error& why);
  void tell_engine(const merkle::Checkpoint& checkpoint, const Error& why);
  void finished();
  static void on_look_timer(void* self);
  static void on_heartbeat(void* self);

  event::Loop& loop_;
  ValidatorOptions options_;
  Policy policy_;
  snapshot::HeadVerifier verifier_;
  SignedLog signed_;
  snapshot::StateReplica replica_;  // at the head
  std::optional<Examined> examined_;
  std::map<std::string, merkle::Hash> base_roots_;  // of the tenants of the step that is judged
  std::unique_ptr<redis::HeadRead> head_read_;
  ValidatorMetrics metrics_;
  std::string last_refusal_;
  bool trust_head_ = false;
  bool looking_ = false;
  bool look_again_ = false;
  event::Timer look_timer_;
  event::Timer heartbeat_timer_;
  std::unique_ptr<snapshot::Carrier> carrier_;  // last: gone first
};

}  // namespace flagmesh::validator
