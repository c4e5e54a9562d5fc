// An engine that finds a head in force which is not of its log (epoch_cycle.h): it reads what that
// head stands for, proves it, and goes on from there. And one that stands by and becomes the active
// one.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "control/engine/epoch_cycle.h"
#include "proxy/base/time.h"

namespace flagmesh::engine {
namespace {

constexpr MonoMs kFollowRest = 9;

std::vector<snapshot::EntryChange> changes_of(const snapshot::TenantChange& tenant) {
  std::vector<snapshot::EntryChange> changes;
  for (const snapshot::StateEntry& entry : tenant.changed) {
    changes.push_back({tenant.tenant, entry.key, entry.json});
  }
  for (const std::string& key : tenant.gone) changes.push_back({tenant.tenant, key, std::nullopt});
  return changes;
}

}  // namespace

// The newest epoch of this log may never have been in force: it was written before it was claimed.
void EpochCycle::on_ahead(const snapshot::VerifiedHead& head) {
  behind_ = true;
  if (recovery_ || phase_ == Phase::kBroken) return;
  const MonoMs now = parts_.loop.now_ms();
  if (passive_ && now < follow_after_) return;  // the publisher looks again
  if (asking_) return publisher_->look();  // when that is answered
  const uint64_t size = head.checkpoint.size;
  const uint64_t known = log_.log().size();
  Recovery recovery{head.checkpoint, publisher_->foreign_head(), {}, known, {}};
  if (writer_.head_size() > 0) {
    recovery.keep = writer_.head_size();
  } else if (known > 0 && known >= size) {
    recovery.keep = known - 1;
  }
  if (recovery.keep >= size) {
    return trouble({"fork",
                    "the head in force is at epoch " + std::to_string(size) +
                        " and not of this engine's log",
                    {},
                    "another engine forked the log, or this state_dir is not that of this Redis"});
  }
  recovery_ = std::move(recovery);
  follow_began_ = now;
  asking_ = true;
  head_read_ = std::make_unique<redis::HeadRead>(
      parts_.carrier, head.checkpoint, 0, [this](Result<snapshot::StateStep> state) {
        const auto read = std::move(head_read_);
        if (!state) return give_up_recovery(state.error());
        auto replica = snapshot::StateReplica::of_all();
        if (auto proven = replica.take(recovery_->checkpoint, *state); !proven) {
          return give_up_recovery(proven.error());
        }
        recovery_->state = std::move(*state);
        read_leaves(recovery_->keep);
      });
}

void EpochCycle::read_leaves(uint64_t from) {
  const uint64_t upto = recovery_->checkpoint.size - 1;
  if (from >= upto) return recovered();
  parts_.carrier.read_leaves(from, upto, [this, from](Result<std::vector<merkle::Hash>> leaves) {
    if (!leaves) return give_up_recovery(leaves.error());
    if (leaves->empty()) {
      return give_up_recovery({"missing_leaves", "the log's tiles are not all there"});
    }
    recovery_->leaves.insert(recovery_->leaves.end(), leaves->begin(), leaves->end());
    read_leaves(from + leaves->size());
  });
}

void EpochCycle::give_up_recovery(const Error& why) {
  const uint64_t size = recovery_->checkpoint.size;
  recovery_.reset();
  asking_ = false;
  trouble({why.code == "fork" ? "fork" : "head_ahead",
           "the head in force is at epoch " + std::to_string(size) +
               ", ahead of this engine's log, and cannot be taken over: " + why.text(),
           {},
           "let another engine publish, or restore this one's state_dir"});
}

void EpochCycle::recovered() {
  Recovery recovery = std::move(*recovery_);
  merkle::CompactRange range = log_.log().compact_range(recovery.keep);
  for (const merkle::Hash& leaf : recovery.leaves) range.append(leaf);
  range.append(recovery.state.log.record.leaf());
  if (range.root() != recovery.checkpoint.root) {
    // The newest record may have been written and never claimed.
    const bool may_drop_one = writer_.head_size() == 0 && recovery.keep == log_.log().size();
    if (may_drop_one && recovery.keep > 0) {
      recovery_ = std::move(recovery);
      recovery_->keep -= 1;
      recovery_->leaves.clear();
      return read_leaves(recovery_->keep);
    }
    return give_up_recovery({"fork", "it does not continue what this engine has seen in force"});
  }
  recovery_.reset();
  asking_ = false;
  behind_ = false;
  left_claim_.reset();
  // Every head is read whole: that may take a tenth of the time, not all of it.
  const MonoMs now = parts_.loop.now_ms();
  follow_after_ = now + kFollowRest * (now - follow_began_);
  const merkle::EpochRecord& record = recovery.state.log.record;
  if (auto kept = log_.recover(recovery.keep, recovery.leaves, record); !kept) {
    return broken(kept.error());
  }
  std::vector<snapshot::EntryChange> entries;
  for (const snapshot::TenantChange& tenant : recovery.state.tenants) {
    for (const snapshot::StateEntry& entry : tenant.changed) {
      entries.push_back({tenant.tenant, entry.key, entry.json});
    }
  }
  if (auto jumped = writer_.jump_to(record.epoch, entries, record.state_root); !jumped) {
    return broken(jumped.error());
  }
  publisher_->take_foreign_head(std::move(recovery.head));
  spdlog::warn("epoch {} of another engine taken over with {} flags", record.epoch,
               writer_.flags());
  phase_ = Phase::kIdle;
  first_ = false;
  timer_.cancel();
  obstacle_.reset();
  lock_.clear();
  deferred_.clear();
  kill_staged_ = false;
  std::vector<Waiter> waiters = std::exchange(waiters_, {});
  for (Batch* batch : {&kills_, &pending_}) {
    std::ranges::move(batch->waiters, std::back_inserter(waiters));
    *batch = {};
  }
  if (parts_.on_recovered) parts_.on_recovered(entries);
  for (Waiter& waiter : waiters) {
    waiter.done(fail("head_moved", "another engine published meanwhile", {}, "ask again"));
  }
  if (on_idle_) std::exchange(on_idle_, {})();
}

// --- Standing by ---------------------------------------------------------------------------------

void EpochCycle::set_passive() {
  passive_ = true;
  publisher_->set_passive(true);
}

Status EpochCycle::note(std::vector<FlagChange> changes) {
  if (changes.empty()) return {};
  return history_.append({0, unix_millis(), {}, std::move(changes), {}});
}

void EpochCycle::resume(snapshot::Carrier::Done<std::vector<snapshot::EntryChange>> done) {
  follow_after_ = 0;
  const bool unread = writer_.head_size() > 0 && !writer_.head_known();
  if (asking_ || behind_ || unread || !publisher_->synced()) {
    if (unread && !asking_ && publisher_->synced()) on_synced();
    publisher_->look();
    return done(fail("not_followed", "the head in force was not read yet"));
  }
  asking_ = true;
  parts_.carrier.read_reservation([this, done = std::move(done)](
                                      Result<std::optional<std::string>> claim) mutable {
    if (!claim) {
      asking_ = false;
      return done(std::unexpected(claim.error()));
    }
    parts_.carrier.read_candidate([this, claim = std::move(*claim), done = std::move(done)](
                                      Result<std::optional<std::string>> candidate) mutable {
      asking_ = false;
      if (!candidate) return done(std::unexpected(candidate.error()));
      resume_from(std::move(claim), std::move(*candidate), std::move(done));
    });
  });
}

void EpochCycle::resume_from(std::optional<std::string> claim, std::optional<std::string> candidate,
                             snapshot::Carrier::Done<std::vector<snapshot::EntryChange>> done) {
  if (behind_) return done(fail("not_followed", "the head moved meanwhile"));
  passive_ = false;
  publisher_->set_passive(false);
  // Whose engine is away for a lease and has shown it to nobody.
  left_claim_ = std::move(claim);
  if (candidate && writer_.head_known()) {
    if (auto finished = finish_candidate(*candidate); !finished) {
      spdlog::debug("candidate not taken over: {}", finished.error().text());
    }
  }
  done(writer_.staged_changes());
  if (phase_ == Phase::kPublish) publish();
  publisher_->look();
  step();
}

// Signed by an engine, and validators may have cosigned it already: another epoch of that size would
// never get their cosignatures.
Status EpochCycle::finish_candidate(const std::string& bytes) {
  auto candidate = snapshot::Candidate::parse(bytes);
  if (!candidate) return std::unexpected(candidate.error());
  const auto signed_by = parts_.verifier.verify(candidate->note);
  if (!signed_by) return std::unexpected(signed_by.error());
  const merkle::Checkpoint& checkpoint = signed_by->checkpoint;
  const snapshot::LogStep& step = candidate->log;
  const uint64_t head = writer_.head_size();
  if (signed_by->engines < parts_.verifier.rules().require_engine) {
    return fail("not_enough_signatures", "no engine has signed it");
  }
  if (head == 0 || step.from != head || candidate->before || step.to() != checkpoint.size) {
    return fail("bad_candidate", "it is no change of the head in force");
  }
  merkle::CompactRange range = log_.log().compact_range(head);
  for (const merkle::Hash& leaf : step.skipped) range.append(leaf);
  range.append(step.record.leaf());
  if (range.root() != checkpoint.root) return fail("bad_candidate", "it is of another log");
  std::vector<snapshot::EntryChange> changes;
  for (const snapshot::TenantChange& tenant : candidate->tenants) {
    std::ranges::move(changes_of(tenant), std::back_inserter(changes));
  }
  if (auto staged = writer_.stage(changes); !staged) return staged;
  if (writer_.state_root() != step.record.state_root) {
    writer_.discard();
    return fail("wrong_state", "its flags do not hash to its root");
  }
  if (auto kept = log_.recover(head, step.skipped, step.record); !kept) {
    writer_.discard();
    return kept;
  }
  spdlog::warn("epoch {} of the engine before is finished", checkpoint.size);
  note_ = candidate->note;
  lock_ = candidate->lock;
  entry_ = {};
  first_ = false;
  phase_ = needs_cosignatures() ? Phase::kCosign : Phase::kPublish;
  if (phase_ == Phase::kPublish) return {};
  candidate_since_ = parts_.loop.now_ms();
  obstacle_ = Error{"waiting_for_cosignatures",
                    "epoch " + std::to_string(checkpoint.size) + " waits for validators"};
  ask_validators();
  if (parts_.on_candidate) parts_.on_candidate();
  return {};
}

}  // namespace flagmesh::engine
