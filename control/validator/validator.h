// The Merkle validator: recomputes every epoch on its own and cosigns its checkpoint, or refuses
// and says why. It serves nobody; what it signs goes back over the carrier. Any number may run,
// each with its own key and state_dir.
//
// For the head that is in force, and for the candidate that the engine asks about, in this order:
//   the engine signed it; it continues the log that this validator cosigned last (also across
//   restarts); every tenant's root and the state root, recomputed from the entries, are those that
//   were signed; every flag can be evaluated; with the tenants' secret the openings are what they
//   have to be. Then the log is written down, and then it is cosigned.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/snapshot/carrier.h"
#include "control/snapshot/head_verifier.h"
#include "control/snapshot/state_replica.h"
#include "control/validator/head_read.h"
#include "control/validator/signed_log.h"
#include "control/validator/validator_options.h"
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
  const ValidatorMetrics& metrics() const { return metrics_; }

 private:
  // A candidate that was cosigned: what the head becomes when it is moved there.
  struct Examined {
    merkle::Checkpoint checkpoint;
    snapshot::StateStep step;
  };

  Validator(event::Loop& loop, std::unique_ptr<snapshot::Carrier> carrier, ValidatorOptions options,
            snapshot::HeadVerifier verifier, SignedLog signed_log);
  void look();
  void on_head(const Result<std::optional<std::string>>& text);
  void take_head(const merkle::Checkpoint& head, const snapshot::StateStep& step);
  void read_candidate();
  void on_candidate(const std::string& bytes);
  Status judge(snapshot::Candidate candidate);
  Result<merkle::Checkpoint> verified(std::string_view note) const;
  Status check_openings(const snapshot::StateStep& step) const;
  Status cosign(const merkle::Checkpoint& checkpoint, merkle::CompactRange range);
  void write_cosignature();
  void refuse(std::string_view what, const Error& why);
  void finished();
  static void on_look_timer(void* self);
  static void on_heartbeat(void* self);

  event::Loop& loop_;
  ValidatorOptions options_;
  snapshot::HeadVerifier verifier_;
  SignedLog signed_;
  snapshot::StateReplica replica_;  // at the head
  std::optional<Examined> examined_;
  std::unique_ptr<HeadRead> head_read_;
  ValidatorMetrics metrics_;
  std::string last_refusal_;
  bool looking_ = false;
  bool look_again_ = false;
  event::Timer look_timer_;
  event::Timer heartbeat_timer_;
  std::unique_ptr<snapshot::Carrier> carrier_;  // last: gone first
};

}  // namespace flagmesh::validator
