#include "control/engine/epoch_cycle.h"

#include <algorithm>
#include <utility>

#include "control/engine/reservation.h"
#include "merkle/hash.h"
#include "proxy/base/durable_file.h"
#include "proxy/base/time.h"

namespace flagmesh::engine {
namespace {

constexpr MonoMs kWaitTickMs = 100;

}  // namespace

Result<std::unique_ptr<EpochCycle>> EpochCycle::open(Parts parts) {
  if (auto made = make_folders(parts.state_dir); !made) return std::unexpected(made.error());
  auto log = merkle::EpochLogFile::open(parts.state_dir + "/epoch.log");
  if (!log) return std::unexpected(log.error());
  auto history = History::open(parts.state_dir + "/history");
  if (!history) return std::unexpected(history.error());
  std::unique_ptr<EpochCycle> cycle(
      new EpochCycle(std::move(parts), std::move(*log), std::move(*history)));
  return cycle;
}

EpochCycle::EpochCycle(Parts parts, merkle::EpochLogFile log, History history)
    : parts_(std::move(parts)),
      log_(std::move(log)),
      history_(std::move(history)),
      writer_(parts_.secrets),
      timer_(&EpochCycle::on_timer, this),
      wait_timer_(&EpochCycle::on_wait_timer, this) {
  redis::Publisher::Callbacks callbacks;
  callbacks.on_trouble = [this](const Error& error) { trouble(error); };
  callbacks.on_ahead = [this](const snapshot::VerifiedHead& head) { on_ahead(head); };
  callbacks.on_synced = [this] { on_synced(); };
  callbacks.on_warning = parts_.on_warning;
  callbacks.on_seen = [this](const snapshot::VerifiedHead& head, redis::Publisher::Seen seen) {
    behind_ = false;  // or on_ahead() comes
    const bool of_another = obstacle_ && (obstacle_->code == "fork" || obstacle_->code == "head_ahead");
    if (of_another && seen != redis::Publisher::Seen::kForeign) obstacle_.reset();
    if (parts_.on_seen) parts_.on_seen(head, seen);
  };
  callbacks.on_healed = [this](const Error& found) {
    if (phase_ == Phase::kIdle) obstacle_.reset();
    parts_.on_healed(found);
  };
  publisher_ = std::make_unique<redis::Publisher>(parts_.loop, parts_.carrier, writer_, log_.log(),
                                                  parts_.verifier, std::move(callbacks));
}

EpochCycle::~EpochCycle() = default;

bool EpochCycle::needs_cosignatures() const {
  return parts_.verifier.rules().policy == snapshot::TrustPolicy::kSigned &&
         parts_.verifier.rules().require_validator > 0;
}

Status EpochCycle::begin(const std::vector<snapshot::EntryChange>& state,
                         std::vector<FlagChange> changes) {
  if (auto staged = writer_.stage_tenant(parts_.tenant); !staged) return staged;
  if (auto staged = writer_.stage(state); !staged) return staged;
  pending_.changes = std::move(changes);
  begun_ = true;
  return {};
}

bool EpochCycle::kills_go_alone() const {
  return needs_cosignatures() || parts_.kills_alone;
}

void EpochCycle::submit(std::vector<FlagChange> changes, std::vector<UsedNonce> nonces, Done done) {
  if (phase_ == Phase::kBroken) {
    if (done) done(std::unexpected(*obstacle_));
    return;
  }
  if (done && pending_.waiters.size() + waiters_.size() + kills_.waiters.size() >= kWaiting) {
    return done(fail("overloaded", "too many changes are waiting to be published"));
  }
  // A kill's waiter waits for the kill, not for flags that have it as a prerequisite.
  const bool alone = kills_go_alone() && std::ranges::any_of(changes, &FlagChange::kill);
  Batch& batch = alone ? kills_ : pending_;
  if (alone) overtake_with(changes);
  for (FlagChange& change : changes) {
    (alone && change.kill ? kills_ : pending_).changes.push_back(std::move(change));
  }
  std::ranges::move(nonces, std::back_inserter(batch.nonces));
  if (done) {
    batch.waiters.push_back({std::move(done), parts_.loop.now_ms() + kWaitMs});
    if (!wait_timer_.armed())
      wait_timer_.set(parts_.loop.timers(), parts_.loop.now_ms() + kWaitTickMs);
  }
  step();
}

// What waits for the flags that are killed goes ahead of their kills, into the same epoch: the kill
// counts, and the history has both.
void EpochCycle::overtake_with(const std::vector<FlagChange>& kills) {
  const auto is_killed = [&](const std::string& key) {
    return std::ranges::any_of(
        kills, [&](const FlagChange& kill) { return kill.kill && kill.key == key; });
  };
  std::vector<FlagChange> stay;
  size_t kept = 0;
  for (size_t i = 0; i < pending_.changes.size(); ++i) {
    FlagChange& change = pending_.changes[i];
    if (is_killed(change.key)) {
      kills_.changes.push_back(std::move(change));
      continue;
    }
    if (i < pending_.kept) ++kept;
    stay.push_back(std::move(change));
  }
  pending_.changes = std::move(stay);
  pending_.kept = kept;
  std::erase_if(deferred_, [&](const auto& change) { return is_killed(change.key); });
}

void EpochCycle::submit_locked(std::vector<FlagChange> changes, std::string lock) {
  if (phase_ == Phase::kBroken) return;
  pending_.changes = std::move(changes);
  pending_.kept = 0;
  pending_.lock = std::move(lock);
}

Status EpochCycle::restage(const std::vector<FlagChange>& changes) {
  std::vector<snapshot::EntryChange> entries;
  for (const FlagChange& change : changes) {
    entries.push_back({parts_.tenant, change.key, change.json});
  }
  return writer_.stage(entries);
}

void EpochCycle::keep_head() {
  writer_.discard();
  pending_ = {};
}

std::optional<merkle::Hash> EpochCycle::head_tenant_root() const {
  const merkle::SortedTree* tree = writer_.tree(parts_.tenant);
  if (epoch() == 0 || tree == nullptr || writer_.staged()) return std::nullopt;
  return tree->root();
}

void EpochCycle::when_idle(std::function<void()> on_idle) {
  on_idle_ = std::move(on_idle);
  if (!idle()) return;
  std::exchange(on_idle_, {})();
}

void EpochCycle::on_event(snapshot::CarrierEvent event) {
  if (event == snapshot::CarrierEvent::kCosignature && phase_ == Phase::kCosign) {
    return poll_cosignatures();
  }
  if (event != snapshot::CarrierEvent::kConnected) return;
  publisher_->look();
  if (first_ && begun_ && publisher_->synced()) on_synced();
  candidate_sent_ = 0;
  timer_fired();
}

// The head is known for the first time. Its entries too, when they hash to its root; otherwise they
// are read back, so that the next epoch is a change and not everything.
void EpochCycle::on_synced() {
  const bool unknown = !writer_.head_known() && writer_.head_size() > 0;
  if (!unknown || asking_) return step();
  const auto checkpoint =
      log_.log().checkpoint(parts_.verifier.rules().origin, writer_.head_size());
  asking_ = true;
  head_read_ = std::make_unique<redis::HeadRead>(
      parts_.carrier, checkpoint, checkpoint.size - 1,
      [this, checkpoint](Result<snapshot::StateStep> state) {
        const auto read = std::move(head_read_);
        asking_ = false;
        snapshot::StateReplica replica = snapshot::StateReplica::of_all();
        Status proven = state ? replica.take(checkpoint, *state) : std::unexpected(state.error());
        if (proven && !writer_.head_known()) {
          adopt(*state);
        } else if (!proven) {
          parts_.on_trouble(proven.error());
        }
        step();
      });
}

void EpochCycle::adopt(const snapshot::StateStep& state) {
  std::vector<snapshot::EntryChange> entries;
  for (const snapshot::TenantChange& tenant : state.tenants) {
    for (const snapshot::StateEntry& entry : tenant.changed) {
      entries.push_back({tenant.tenant, entry.key, entry.json});
    }
  }
  const auto& record = log_.log().record(writer_.head_size());
  if (auto adopted = writer_.adopt_head(entries, record.state_root); !adopted) {
    return parts_.on_trouble(adopted.error());
  }
  if (!passive_) return;
  // It had followed that head in a former run.
  keep_head();
  first_ = false;
  if (parts_.on_recovered) parts_.on_recovered(entries);
}

void EpochCycle::step() {
  const bool kill_waits = !kills_.changes.empty();
  const bool wanted = first_ || kill_waits || !deferred_.empty() || !pending_.changes.empty() ||
                      !pending_.waiters.empty();
  if (!begun_ || !wanted || asking_ || passive_ || !publisher_->synced()) return;
  if (phase_ == Phase::kIdle) return prepare();
  if (phase_ != Phase::kCosign) return;
  const bool overtakes = parts_.loop.now_ms() - candidate_since_ >= kOvertakeMs;
  if (kill_waits || overtakes) prepare();
}

// What is staged makes room for a kill, or for what another lock allows.
void EpochCycle::take_back() {
  if (!writer_.head_known()) return;
  if (lock_.empty()) std::ranges::move(writer_.staged_changes(), std::back_inserter(deferred_));
  lock_.clear();
  writer_.discard();
}

// Of several changes of one flag the last one counts, also for the state tree.
Status EpochCycle::stage(Batch& batch) {
  std::vector<snapshot::EntryChange> changes;
  changes.reserve(batch.changes.size());
  for (const FlagChange& change : batch.changes) {
    changes.push_back({parts_.tenant, change.key, change.json});
  }
  if (!batch.lock.empty()) lock_ = std::move(batch.lock);
  if (auto staged = writer_.stage(changes); !staged) return staged;
  const auto opening = merkle::random_bytes(merkle::Hash::kSize);
  if (!opening) return std::unexpected(opening.error());
  entry_ = {log_.log().size() + 1, unix_millis(), *merkle::Hash::from_bytes(*opening),
            std::move(batch.changes), std::move(batch.nonces)};
  if (entry_.changes.empty() && entry_.nonces.empty()) return {};
  if (auto appended = history_.append(entry_); !appended) return appended;
  if (parts_.on_recorded) parts_.on_recorded(entry_);
  return {};
}

// Writes down what waits for an epoch that may be long in coming. The epoch's own line repeats it.
Status EpochCycle::keep(Batch& batch) {
  if (batch.kept == batch.changes.size() && batch.kept_nonces == batch.nonces.size()) return {};
  HistoryEntry entry{0, unix_millis(), {}, {}, {}};
  entry.changes.assign(batch.changes.begin() + ptrdiff_t(batch.kept), batch.changes.end());
  entry.nonces.assign(batch.nonces.begin() + ptrdiff_t(batch.kept_nonces), batch.nonces.end());
  batch.kept = batch.changes.size();
  batch.kept_nonces = batch.nonces.size();
  return history_.append(entry);
}

void EpochCycle::prepare() {
  if (first_ && parts_.may_begin) {
    if (auto may = parts_.may_begin(); !may) return trouble(may.error());
    if (phase_ == Phase::kIdle) obstacle_.reset();
  }
  const bool is_first = std::exchange(first_, false);
  const bool kill = !kills_.changes.empty();
  Batch batch = std::exchange(kill ? kills_ : pending_, {});
  if (kill) {
    // Who waits for what is taken back waits on.
    std::ranges::move(waiters_, std::back_inserter(pending_.waiters));
    waiters_.clear();
    take_back();
    std::erase_if(deferred_, [&](const snapshot::EntryChange& change) {
      return std::ranges::find(batch.changes, change.key, &FlagChange::key) != batch.changes.end();
    });
  } else {
    if (!batch.lock.empty()) take_back();
    if (!deferred_.empty()) {
      if (auto staged = writer_.stage(std::exchange(deferred_, {})); !staged) {
        return broken(staged.error());
      }
    }
  }
  kill_staged_ = kill;
  std::ranges::move(batch.waiters, std::back_inserter(waiters_));
  if (auto staged = stage(batch); !staged) return broken(staged.error());
  if (!writer_.staged() && writer_.head_known()) return settle();
  // A former run may have stopped between the log and the head.
  const merkle::EpochLog& log = log_.log();
  const bool reuse =
      is_first && log.size() > writer_.head_size() && log.last().state_root == writer_.state_root();
  if (!reuse) {
    if (auto appended = append_record(entry_); !appended) return broken(appended.error());
  }
  phase_ = Phase::kReserve;
  reserve();
}

Status EpochCycle::append_record(const HistoryEntry& entry) {
  merkle::EpochRecord record;
  record.epoch = log_.log().size() + 1;
  record.time_ms = static_cast<uint64_t>(entry.time_ms);
  if (log_.log().size() > 0) record.time_ms = std::max(record.time_ms, log_.log().last().time_ms);
  record.state_root = writer_.state_root();
  record.flags = writer_.flags();
  record.author = entry.author_id();
  record.change = entry.commitment();
  return log_.append(record);
}

void EpochCycle::reserve(std::optional<std::string> replaces) {
  auto claim = make_reservation(log_.log(), parts_.verifier.rules().origin, parts_.signer);
  if (!claim) return broken(claim.error());
  const bool forced = replaces.has_value();
  claim->replaces = forced ? std::move(replaces) : left_claim_;
  asking_ = true;
  parts_.carrier.reserve(*std::move(claim), [this, forced](Status granted) {
    asking_ = false;
    if (granted) {
      left_claim_.reset();
      return reserved();
    }
    timer_.set(parts_.loop.timers(), parts_.loop.now_ms() + kRetryMs);
    trouble(granted.error());
    if (!forced && granted.error().code == "reserved") doubt_reservation();
  });
}

// A claim that no engine has signed is in nobody's way.
void EpochCycle::doubt_reservation() {
  parts_.carrier.read_reservation([this](Result<std::optional<std::string>> claim) {
    if (phase_ != Phase::kReserve || asking_ || !claim || !*claim) return;
    if (!is_genuine_reservation(**claim, parts_.verifier.rules())) reserve(std::move(*claim));
  });
}

void EpochCycle::reserved() {
  const auto checkpoint = log_.log().checkpoint(parts_.verifier.rules().origin);
  auto note = parts_.signer.sign(checkpoint.text(), unix_seconds());
  if (!note) return broken(note.error());
  note_ = std::move(*note);
  if (!needs_cosignatures()) return publish();
  phase_ = Phase::kCosign;
  candidate_since_ = parts_.loop.now_ms();
  obstacle_ = Error{"waiting_for_cosignatures",
                    "epoch " + std::to_string(log_.log().size()) + " waits for validators"};
  ask_validators();
  if (parts_.on_candidate) parts_.on_candidate();
}

void EpochCycle::ask_validators() {
  const MonoMs now = parts_.loop.now_ms();
  candidate_sent_ = now;
  timer_.set(parts_.loop.timers(), now + kPollCosignaturesMs);
  snapshot::Candidate candidate = writer_.candidate(log_.log(), note_);
  candidate.lock = lock_;
  parts_.carrier.put_candidate(candidate.encode(), [this](Status put) {
    if (!put) trouble(put.error());
  });
}

void EpochCycle::poll_cosignatures() {
  if (asking_) return;
  asking_ = true;
  const merkle::EpochLog& log = log_.log();
  parts_.carrier.read_cosignatures(log.size(), log.root(),
                                   [this](Result<std::vector<std::string>> lines) {
                                     asking_ = false;
                                     if (phase_ != Phase::kCosign) return;
                                     if (lines) cosigned(*lines);
                                     if (phase_ == Phase::kCosign) step();
                                   });
}

void EpochCycle::cosigned(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    if (const auto why = snapshot::parse_refusal(line)) {
      obstacle_ = Error{"refused_by_validator", "a validator refuses: " + *why};
    }
  }
  auto note = add_cosignatures(note_, lines, parts_.verifier.rules().validator_keys);
  if (note) note_ = std::move(*note);
  if (parts_.verifier.verify_enough(note_)) publish();
}

void EpochCycle::publish() {
  phase_ = Phase::kPublish;
  asking_ = true;
  publisher_->publish(note_, [this](Status published) {
    asking_ = false;
    if (published) return settle();
    timer_.set(parts_.loop.timers(), parts_.loop.now_ms() + kRetryMs);
    trouble(published.error());
    // Another engine's head: it is taken over, now that nothing is asked any more.
    if (published.error().code == "head_moved") publisher_->look();
  });
}

void EpochCycle::settle() {
  phase_ = Phase::kIdle;
  timer_.cancel();
  obstacle_.reset();
  lock_.clear();
  kill_staged_ = false;
  parts_.on_published(epoch(), writer_.flags());
  std::vector<Waiter> waiters = std::exchange(waiters_, {});
  for (Waiter& waiter : waiters) waiter.done(epoch());
  step();
  if (idle() && on_idle_) std::exchange(on_idle_, {})();
}

void EpochCycle::trouble(const Error& error) {
  obstacle_ = error;
  parts_.on_trouble(error);
}

// The disk or the key failed: nothing more can be made durable, so nothing more is signed.
void EpochCycle::broken(const Error& error) {
  phase_ = Phase::kBroken;
  timer_.cancel();
  trouble(error);
  expire_waiters(true);
}

void EpochCycle::timer_fired() {
  if (asking_) return;
  switch (phase_) {
    case Phase::kReserve:
      return reserve();
    case Phase::kCosign:
      if (parts_.loop.now_ms() - candidate_sent_ >= kRepeatCandidateMs || candidate_sent_ == 0) {
        ask_validators();
      }
      timer_.set(parts_.loop.timers(), parts_.loop.now_ms() + kPollCosignaturesMs);
      return poll_cosignatures();
    case Phase::kPublish:
      return publish();
    default:
      return;
  }
}

void EpochCycle::expire_waiters(bool all) {
  const MonoMs now = parts_.loop.now_ms();
  std::vector<Waiter> expired;
  bool pending_expired = false;
  bool kill_expired = false;
  for (std::vector<Waiter>* list : {&waiters_, &kills_.waiters, &pending_.waiters}) {
    const auto late = std::ranges::stable_partition(
        *list, [&](const Waiter& waiter) { return !all && waiter.deadline > now; });
    kill_expired = kill_expired || (list == &kills_.waiters && !late.empty());
    pending_expired = list == &pending_.waiters && !late.empty();
    std::ranges::move(late, std::back_inserter(expired));
    list->erase(late.begin(), late.end());
  }
  if (!waiters_.empty() || !kills_.waiters.empty() || !pending_.waiters.empty()) {
    wait_timer_.set(parts_.loop.timers(), now + kWaitTickMs);
  }
  if (all) {
    for (Waiter& waiter : expired) waiter.done(std::unexpected(*obstacle_));
    return;
  }
  Status kept = pending_expired ? keep(pending_) : Status();
  if (kept && kill_expired) kept = keep(kills_);
  const std::string why = obstacle_              ? obstacle_->message
                          : publisher_->synced() ? "the epoch is on its way"
                                                 : "the carrier cannot be reached";
  for (Waiter& waiter : expired) {
    waiter.done(kept ? fail("not_published_yet", why) : std::unexpected(kept.error()));
  }
  if (!kept) broken(kept.error());
}

}  // namespace flagmesh::engine
