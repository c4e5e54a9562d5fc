// An engine that finds a head in force which is not of its log (epoch_cycle.h): it reads what that
// head stands for, proves it, and goes on from there.
#include <spdlog/spdlog.h>

#include <utility>

#include "control/engine/epoch_cycle.h"

namespace flagmesh::engine {

// The newest epoch of this log may never have been in force: it was written before it was claimed.
void EpochCycle::on_ahead(const snapshot::VerifiedHead& head) {
  if (recovery_ || phase_ == Phase::kBroken) return;
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
  trouble({"head_ahead",
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

}  // namespace flagmesh::engine
