#include "control/redis/carrier_state_source.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "proxy/base/time.h"

namespace flagmesh::redis {

using snapshot::CarrierEvent;

namespace {

// Further behind, the whole state is less to read than what changed (RedisCarrier keeps a thousand
// or so).
constexpr uint64_t kMostDeltas = 1'000;
// After something was not there; doubles.
constexpr uint64_t kSoonMs = 100;

// Redis that cannot be reached, or does not answer, has refused nothing.
bool is_absence(const Error& why) {
  return why.code == "unavailable" || why.code == "disconnected" || why.code == "timed_out";
}

bool is_missing(const Error& why) {
  return why.code == "missing_manifest" || why.code == "missing_chunk" ||
         why.code == "missing_leaves";
}

}  // namespace

CarrierStateSource::CarrierStateSource(event::Loop& loop,
                                       std::unique_ptr<snapshot::Carrier> carrier,
                                       snapshot::Acceptance acceptance, uint64_t reread_ms,
                                       std::unique_ptr<snapshot::Journal> journal,
                                       std::optional<snapshot::StoredTrust> seed)
    : loop_(loop),
      journal_(std::move(journal)),
      seed_(std::move(seed)),
      acceptance_(std::move(acceptance)),
      reread_ms_(reread_ms),
      random_(std::random_device{}()),
      timer_([](void* self) { static_cast<CarrierStateSource*>(self)->on_timer(); }, this),
      carrier_(std::move(carrier)),
      reporter_(loop_, *carrier_, acceptance_.tenant(), status_) {}

CarrierStateSource::~CarrierStateSource() = default;

Status CarrierStateSource::start(OnState on_state) {
  on_state_ = std::move(on_state);
  if (Status booted = boot(); !booted) return booted;
  if (seed_ && acceptance_.size() == 0) boot_from_seed();
  seed_.reset();
  carrier_->start({.heads = true},
                  [this](CarrierEvent event, std::string_view) { on_event(event); });
  set_timer(reread_ms_);
  return {};
}

// What was accepted in a former run is in force before anything is read.
Status CarrierStateSource::boot() {
  if (journal_ == nullptr) return {};
  Result<std::optional<snapshot::StoredTrust>> stored = journal_->read();
  if (!stored) return std::unexpected(stored.error());
  if (!journal_->held()) blank_ = acceptance_;
  if (!*stored) return {};
  auto state = acceptance_.restore(**stored, unix_millis(), mono_ms());
  if (!state) {
    return fail(state.error().code, "the journal does not prove itself: " + state.error().text(),
                journal_->folder(),
                "was it another router's? `flagmesh trust reset` starts afresh under a new key");
  }
  if (Status resumed = journal_->held() ? journal_->resume(**stored) : Status(); !resumed) {
    return resumed;
  }
  kept_ms_ = acceptance_.newest_verified_ms();
  if (!*state) {
    spdlog::warn(
        "the journal's state of epoch {} is not signed as trust asks now; it waits for a head that "
        "is",
        acceptance_.size());
    return {};
  }
  begin_with(**std::move(state), "the journal");
  return {};
}

// A lock with its flag files. Redis may have newer: what is wrong with it stops nobody.
void CarrierStateSource::boot_from_seed() {
  snapshot::Acceptance blank = acceptance_;
  auto state = acceptance_.restore(*seed_, unix_millis(), mono_ms());
  if (state && *state) {
    begin_with(**std::move(state), "the lock");
    return;
  }
  acceptance_ = std::move(blank);
  count_refusal(
      state ? Error{"not_enough_signatures", "the lock's checkpoint is not signed as trust asks"}
            : state.error());
}

void CarrierStateSource::begin_with(snapshot::AcceptedState state, std::string_view from) {
  spdlog::info("booted from {}: epoch {}, {} flags", from, state.trust.epoch, state.flags.size());
  status_.update([&](auto& view) { view.epoch = state.trust.epoch; });
  on_state_(std::move(state));
}

// Whether new state can be kept; asks for the folder that another process had.
bool CarrierStateSource::has_journal() {
  if (journal_ == nullptr || journal_->held()) return true;
  if (!journal_->hold()) return false;
  spdlog::info("the journal in {} is this process's now", journal_->folder());
  // What the predecessor kept meanwhile counts.
  snapshot::Acceptance before = std::exchange(acceptance_, *std::exchange(blank_, {}));
  if (const Status booted = boot(); !booted) {
    spdlog::error("{}; it is begun anew", booted.error().text());
    acceptance_ = std::move(before);
  }
  return true;
}

void CarrierStateSource::release() {
  if (journal_ == nullptr) return;
  released_ = true;
  journal_->release();
}

void CarrierStateSource::on_event(CarrierEvent event) {
  if (event == CarrierEvent::kConnected || event == CarrierEvent::kDisconnected) {
    const bool connected = event == CarrierEvent::kConnected;
    status_.update([connected](auto& view) { view.connected = connected; });
    if (!connected) return;
  }
  look();
}

void CarrierStateSource::on_timer() {
  set_timer(reread_ms_);
  if (carrier_->connected()) look();
}

// Up to a quarter early, so that routers that started together do not ask together.
void CarrierStateSource::set_timer(uint64_t most_ms) {
  if (journal_ != nullptr && !journal_->held() && !released_) {
    timer_.set(loop_.timers(), mono_ms() + kLockMs);
    return;
  }
  const uint64_t early = std::uniform_int_distribution<uint64_t>(0, most_ms / 4)(random_);
  timer_.set(loop_.timers(), mono_ms() + most_ms - early);
}

void CarrierStateSource::look_soon() {
  soon_ms_ = std::min(std::max(kSoonMs, soon_ms_ * 2), reread_ms_);
  set_timer(soon_ms_);
}

void CarrierStateSource::look() {
  // Until then a predecessor keeps what comes.
  if (!released_ && !has_journal()) return;
  if (reading_) {
    look_again_ = true;
    return;
  }
  reading_ = true;
  look_again_ = false;
  deltas_.clear();
  carrier_->read_head([this](auto head) { on_head(std::move(head)); });
}

void CarrierStateSource::on_head(Result<std::optional<std::string>> head) {
  if (!head) {
    finished();  // the connection says why; what is in force stays
    return;
  }
  status_.update([&](auto& view) { view.note = *head ? "" : "nothing is published"; });
  if (!*head) {
    finished();
    return;
  }
  Result<snapshot::Acceptance::Head> judged = acceptance_.judge(**head, unix_millis(), mono_ms());
  if (!judged) {
    refused(judged.error());
    return;
  }
  reporter_.fresh(judged->newest_ms);
  if (judged->vouches) {
    taken(acceptance_.vouch(*judged));
    return;
  }
  if (!judged->is_new || released_) {
    clear_refusal();
    finished();
    return;
  }
  head_ = *std::move(judged);
  deltas_upto_ = acceptance_.size();
  // Deltas lead on from a state that is not too far behind.
  const bool near = acceptance_.size() > 0 && head_->checkpoint.size > acceptance_.size() &&
                    head_->checkpoint.size - acceptance_.size() <= kMostDeltas;
  if (near && !deltas_unreadable_) {
    read_deltas();
  } else {
    read_all();
  }
}

void CarrierStateSource::read_deltas() {
  carrier_->read_deltas(acceptance_.tenant(), deltas_upto_, head_->checkpoint.size,
                        [this](auto deltas) { on_deltas(std::move(deltas)); });
}

void CarrierStateSource::on_deltas(Result<std::vector<std::string>> deltas) {
  if (released_) {
    finished();
    return;
  }
  if (!deltas) {
    // Whatever it was, the next look does without them.
    deltas_unreadable_ = true;
    finished();
    return;
  }
  const bool more = deltas->size() == snapshot::Carrier::kDeltaBatch;
  for (std::string& delta : *deltas) deltas_.push_back(std::move(delta));
  if (more) {
    Result<snapshot::Delta> last = snapshot::Delta::parse(deltas_.back(), acceptance_.tenant());
    // One that leads nowhere is not followed by another question.
    if (last && last->log.to() > deltas_upto_ && last->log.to() < head_->checkpoint.size) {
      deltas_upto_ = last->log.to();
      read_deltas();
      return;
    }
  }
  Result<snapshot::AcceptedState> state = acceptance_.accept_deltas(*head_, deltas_);
  if (state) {
    taken(*std::move(state));
    return;
  }
  // A gap is what a slow reader finds; anything else should not have been there.
  if (state.error().code != "gap") count_refusal(state.error());
  read_all();
}

void CarrierStateSource::read_all() {
  deltas_.clear();
  full_read_ = std::make_unique<FullRead>(
      *carrier_, acceptance_.tenant(), head_->checkpoint.size, head_->checkpoint.root,
      acceptance_.known_leaves(), [this](Result<FullState> state) { on_all(std::move(state)); });
}

void CarrierStateSource::on_all(Result<FullState> state) {
  full_read_.reset();
  if (released_) {
    finished();
    return;
  }
  if (!state) {
    refused(state.error());
    return;
  }
  Result<snapshot::AcceptedState> accepted =
      acceptance_.accept_full(*head_, state->manifest, state->chunks, std::move(state->leaves));
  if (accepted) {
    taken(*std::move(accepted));
  } else {
    refused(accepted.error());
  }
}

void CarrierStateSource::taken(snapshot::AcceptedState state) {
  deltas_unreadable_ = false;
  soon_ms_ = 0;
  deltas_.clear();
  clear_refusal();
  status_.update([&](auto& view) {
    view.epoch = state.trust.epoch;
    view.accepted++;
    view.not_ready.clear();
  });
  kept_ms_ = acceptance_.newest_verified_ms();  // with the step
  spdlog::info("state of epoch {} accepted: {} flags", state.trust.epoch, state.flags.size());
  reporter_.accepted(state.trust.epoch, acceptance_.replica().record().time_ms);
  on_state_(std::move(state));
  finished();
}

void CarrierStateSource::clear_refusal() {
  last_refused_.clear();
  status_.update([](auto& view) {
    view.last_refusal.clear();
    view.last_refusal_reason.clear();
  });
}

void CarrierStateSource::refused(const Error& why) {
  if (!is_absence(why)) count_refusal(why);
  if (is_missing(why)) look_soon();
  finished();
}

void CarrierStateSource::count_refusal(const Error& why) {
  status_.update([&](auto& view) {
    view.refused[why.code]++;
    view.last_refusal = why.text();
    view.last_refusal_reason = why.code;
  });
  if (why.code == "unwritable_state_dir") unwritable(why);
  if (why.code == last_refused_) return;
  last_refused_ = why.code;
  spdlog::warn("state refused ({}): {}; epoch {} stays in force", why.code, why.text(),
               acceptance_.size());
}

// Trusted time is never below a timestamp that verified, also after a restart.
void CarrierStateSource::keep_newest() {
  if (journal_ == nullptr || !journal_->held()) return;
  if (acceptance_.newest_verified_ms() <= kept_ms_) return;
  if (Status kept = journal_->keep_newest(acceptance_.newest_head()); !kept) {
    unwritable(kept.error());
    return;
  }
  kept_ms_ = acceptance_.newest_verified_ms();
  status_.update([](auto& view) { view.not_ready.clear(); });
}

void CarrierStateSource::unwritable(const Error& why) {
  if (status_.view().not_ready.empty()) spdlog::error("not ready: {}", why.text());
  status_.update([&](auto& view) { view.not_ready = why.code; });
}

void CarrierStateSource::finished() {
  keep_newest();
  reading_ = false;
  if (look_again_) look();
}

}  // namespace flagmesh::redis
