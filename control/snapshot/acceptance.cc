#include "control/snapshot/acceptance.h"

#include <algorithm>
#include <utility>

#include "control/flags/canonical_flag.h"
#include "merkle/state_tree.h"

namespace flagmesh::snapshot {

Acceptance::Acceptance(HeadVerifier verifier, std::string tenant, Persist persist)
    : verifier_(std::move(verifier)),
      replica_(StateReplica::of_tenant(std::move(tenant))),
      persist_(std::move(persist)),
      freshness_(std::make_shared<Freshness>()) {}

Result<Acceptance> Acceptance::create(TrustRules rules, std::string tenant, Persist persist) {
  if (!merkle::is_tenant_name(tenant)) {
    return fail("bad_tenant", "'" + tenant + "' is no name of a tenant", {},
                "use lower-case letters, digits and inner hyphens");
  }
  Result<HeadVerifier> verifier = HeadVerifier::create(std::move(rules));
  if (!verifier) return std::unexpected(verifier.error());
  return Acceptance(*std::move(verifier), std::move(tenant), std::move(persist));
}

Result<Acceptance::Head> Acceptance::judge(std::string_view note, int64_t now_ms, MonoMs mono_ms) {
  Result<VerifiedHead> verified = verifier_.verify_enough(note);
  if (!verified) return std::unexpected(verified.error());
  const merkle::Checkpoint& checkpoint = verified->checkpoint;
  Head head{std::string(note), checkpoint, verified->newest_ms};
  head.is_new = checkpoint.size != size() || checkpoint.root != replica_.log_root();
  if (is_signed()) {
    if (Status young = check_age(verified->newest_ms, now_ms, mono_ms); !young) {
      return std::unexpected(young.error());
    }
    if (verified->newest_ms > time_.newest()) newest_head_ = note;
    time_.verified(verified->newest_ms, now_ms, mono_ms);
    if (Status follows = check_place(checkpoint); !follows) {
      return std::unexpected(follows.error());
    }
    head.fresh_until = fresh_until(head.newest_ms, now_ms, mono_ms);
    head.vouches = !head.is_new && !vouched_;
    if (!head.is_new && vouched_) freshness_->renew(head.newest_ms, head.fresh_until);
  }
  // A log without an epoch has no state that could be enforced.
  if (checkpoint.size == 0) return fail("too_small", "the log has no epoch yet");
  return head;
}

Status Acceptance::check_age(int64_t newest_ms, int64_t now_ms, MonoMs mono_ms) const {
  const int64_t now = time_.now(now_ms, mono_ms);
  if (newest_ms == 0) {
    return fail("stale", "no signature on the head says when it was made", {},
                "pin a key that cosigns the head");
  }
  if (now - newest_ms > verifier_.rules().max_age_ms) {
    return fail("stale", "the newest signature is " + std::to_string((now - newest_ms) / 1000) +
                             " s old; trust.max_age is " +
                             std::to_string(verifier_.rules().max_age_ms / 1000) + " s");
  }
  if (newest_ms > time_.limit(now_ms, mono_ms)) {
    return fail("from_future",
                "the newest signature is " +
                    std::to_string((newest_ms - time_.limit(now_ms, mono_ms) + kFutureMs) / 1000) +
                    " s ahead of this machine's clock",
                {}, "set the clocks");
  }
  return {};
}

MonoMs Acceptance::fresh_until(int64_t newest_ms, int64_t now_ms, MonoMs mono_ms) const {
  const int64_t left = verifier_.rules().max_age_ms - (time_.now(now_ms, mono_ms) - newest_ms);
  return left < 0 ? 0 : mono_ms + static_cast<MonoMs>(left);
}

Status Acceptance::check_place(const merkle::Checkpoint& checkpoint) const {
  const std::string sizes =
      "size " + std::to_string(checkpoint.size) + "; this router is at " + std::to_string(size());
  if (checkpoint.size < verifier_.rules().min_checkpoint) {
    return fail("too_small", "the head is below trust.min_checkpoint: " + sizes);
  }
  if (checkpoint.size < size()) return fail("rollback", "the head is of an older " + sizes);
  if (checkpoint.size == size() && size() > 0 && checkpoint.root != replica_.log_root()) {
    return fail("fork", "another history of the same " + sizes, {},
                "somebody signed two logs: see docs/trust.md");
  }
  return {};
}

Result<AcceptedState> Acceptance::accept_deltas(const Head& head,
                                                std::span<const std::string> deltas) {
  if (deltas.empty()) return fail("gap", "there are no deltas up to the head");
  std::vector<Delta> parsed;
  parsed.reserve(deltas.size());
  for (const std::string& bytes : deltas) {
    Result<Delta> delta = Delta::parse(bytes, tenant());
    if (!delta) return std::unexpected(delta.error());
    parsed.push_back(*std::move(delta));
  }
  Result<StateStep> step = join_deltas(std::move(parsed));
  if (!step) return std::unexpected(step.error());
  return take(replica_, head, *step);
}

uint64_t Acceptance::known_leaves() const {
  return is_signed() ? size() : 0;
}

Result<AcceptedState> Acceptance::accept_full(const Head& head, const Manifest& manifest,
                                              std::span<const std::string> chunks,
                                              std::vector<merkle::Hash> leaves) {
  if (chunks.size() != manifest.chunks.size()) {
    return fail("bad_state", "there are not as many chunks as the manifest names");
  }
  StateStep step;
  step.full = true;
  step.before = manifest.before;
  step.log.from = known_leaves();
  step.log.skipped = std::move(leaves);
  step.log.record = manifest.record;
  TenantChange& all = step.tenants.emplace_back(TenantChange{tenant(), manifest.proof, {}, {}});
  for (size_t i = 0; i < chunks.size(); i++) {
    if (Status parsed = parse_chunk(chunks[i], manifest.chunks[i], all.changed); !parsed) {
      return std::unexpected(parsed.error());
    }
  }
  if (known_leaves() > 0 || size() == 0) return take(replica_, head, step);
  // Unsigned: whatever log there is counts, whether or not it continues the one before.
  StateReplica other = StateReplica::of_tenant(tenant());
  Result<AcceptedState> accepted = take(other, head, step);
  if (accepted) replica_ = std::move(other);
  return accepted;
}

Result<AcceptedState> Acceptance::take(StateReplica& replica, const Head& head,
                                       const StateStep& step) {
  StateReplica::Gate gate;
  if (persist_) {
    gate = [&](const StateReplica::Proposal& proposal) { return persist_(head.note, proposal); };
  }
  if (Status taken = replica.take(head.checkpoint, step, gate); !taken) {
    return std::unexpected(taken.error());
  }
  vouched_ = true;
  freshness_->renew(head.newest_ms, head.fresh_until);
  AcceptedState accepted{replica.flags(), trust()};
  accepted.trust.epoch = replica.size();
  accepted.trust.state_root = replica.record().state_root;
  accepted.trust.tenant_root = replica.tenant_root(tenant());
  accepted.trust.metadata = metadata_of(replica);
  accepted.trust.proven = true;
  accepted.trust.unproven_reason.clear();
  return accepted;
}

AcceptedState Acceptance::vouch(const Head& head) {
  vouched_ = true;
  freshness_->renew(head.newest_ms, head.fresh_until);
  return {replica_.flags(), trust()};
}

Result<std::optional<AcceptedState>> Acceptance::restore(const StoredTrust& stored, int64_t now_ms,
                                                         MonoMs mono_ms) {
  Result<VerifiedHead> signed_head = verifier_.verify_enough(stored.head);
  const bool trusted =
      signed_head && signed_head->checkpoint.size >= verifier_.rules().min_checkpoint;
  Result<VerifiedHead> head = signed_head ? signed_head : verifier_.read(stored.head);
  if (!head) return std::unexpected(head.error());
  if (Status loaded = load(stored, head->checkpoint); !loaded) {
    return std::unexpected(loaded.error());
  }
  if (trusted) saw(*head, stored.head, mono_ms);
  // A heartbeat that came later: of the same checkpoint, or of one that was refused.
  Result<VerifiedHead> newest = verifier_.verify_enough(stored.newest);
  if (newest) saw(*newest, stored.newest, mono_ms);
  if (newest && newest->checkpoint == head->checkpoint) head->newest_ms = newest->newest_ms;
  vouched_ = trusted;
  if (!trusted) return std::nullopt;
  freshness_->renew(head->newest_ms, fresh_until(head->newest_ms, now_ms, mono_ms));
  return std::optional(AcceptedState{replica_.flags(), trust()});
}

// The base's own checkpoint needs no signature: it is under the last one's root, or it is nothing.
Status Acceptance::load(const StoredTrust& stored, const merkle::Checkpoint& last) {
  Result<VerifiedHead> base = verifier_.read(stored.base_head);
  if (!base) return std::unexpected(base.error());
  Persist persist = std::exchange(persist_, {});
  const auto load_all = [&]() -> Status {
    Result<AcceptedState> state =
        accept_full({stored.base_head, base->checkpoint}, stored.manifest, stored.chunks, {});
    if (state && !stored.deltas.empty()) {
      state = accept_deltas({stored.head, last}, stored.deltas);
    }
    if (!state) return std::unexpected(state.error());
    if (replica_.size() != last.size || replica_.log_root() != last.root) {
      return fail("inconsistent_log", "the steps do not lead to the last head");
    }
    return {};
  };
  const Status loaded = load_all();
  persist_ = std::move(persist);
  return loaded;
}

void Acceptance::saw(const VerifiedHead& head, std::string_view note, MonoMs mono_ms) {
  if (head.newest_ms <= time_.newest()) return;
  newest_head_ = note;
  time_.restore(head.newest_ms, mono_ms);
}

// It was parsed before it was taken.
std::shared_ptr<const flags::JsonValue> Acceptance::metadata_of(const StateReplica& replica) const {
  const std::string_view text = replica.metadata(tenant());
  if (text.empty()) return nullptr;
  auto metadata = flags::parse_canonical_flag_set_metadata(text, tenant());
  return metadata ? std::make_shared<const flags::JsonValue>(std::move(*metadata)) : nullptr;
}

TrustStatus Acceptance::trust() const {
  TrustStatus status;
  status.policy = verifier_.rules().policy;
  status.max_age_ms = verifier_.rules().max_age_ms;
  status.freshness = freshness_;
  status.epoch = vouched_ ? size() : 0;
  status.proven = vouched_ && size() > 0;
  if (status.proven) {
    status.state_root = replica_.record().state_root;
    status.tenant_root = replica_.tenant_root(tenant());
    status.metadata = metadata_of(replica_);
  } else {
    status.unproven_reason = "no_state";
  }
  return status;
}

}  // namespace flagmesh::snapshot
