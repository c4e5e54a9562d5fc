// An engine beside another one: it follows, stands by, and takes over (standby.h).
#include <spdlog/spdlog.h>

#include <map>
#include <utility>

#include "control/engine/engine.h"
#include "control/engine/flag_files.h"

namespace flagmesh::engine {

// Another engine's state is in force. So it is active; or was, when this one's disk was lost.
void Engine::on_recovered(const std::vector<snapshot::EntryChange>& entries) {
  ++metrics_.recoveries;
  if (auto adopted = adopt(entries); !adopted) on_trouble(adopted.error());
  stand_by();
}

// What differs from the files lies over them here, too, after a restart as well.
Status Engine::adopt(const std::vector<snapshot::EntryChange>& entries) {
  std::map<std::string, std::string> in_force;
  std::string metadata;
  for (const snapshot::EntryChange& entry : entries) {
    if (entry.tenant != store_.tenant() || !entry.json) continue;
    (entry.key.empty() ? metadata : in_force[entry.key]) = *entry.json;
  }
  FlagFiles files = read_files();
  if (has_errors(files.diagnostics)) files.set.flags.clear();
  FlagStore next = store_;
  if (auto done = next.adopt(files.set, in_force, std::move(metadata)); !done) return done;
  std::vector<FlagChange> changes = differences(store_, next);
  for (FlagChange& change : changes) {
    change.author = "another engine";
    change.what = "epoch " + std::to_string(cycle_->epoch());
  }
  store_ = std::move(next);
  proposed_.reset();
  changed_at_.clear();
  started_at_ = cycle_->log().size();
  if (on_change_) on_change_();
  return cycle_->note(std::move(changes));
}

// The active one leaves only when it has nothing on its way: else the other one finds its epoch, and
// leaves. A head that is not of this log is followed first.
void Engine::on_head_seen(const snapshot::VerifiedHead& head, redis::Publisher::Seen seen) {
  const bool renewed = seen == redis::Publisher::Seen::kRenewed;
  if (renewed && !standing_by() && cycle_->idle() && !stopping_) stand_by();
  standby_->seen(head);
}

void Engine::stand_by() {
  const bool news = !standing_by();
  cycle_->set_passive();
  heartbeat_->set_paused(true);
  if (auto begun = standby_->begin(); !begun) on_trouble(begun.error());
  if (news) spdlog::warn("another engine is active: this one stands by; {}", standby_->text());
}

// The lease has ended.
void Engine::take_over() {
  if (stopping_) return;
  cycle_->resume([this, alive = std::weak_ptr(alive_)](
                     Result<std::vector<snapshot::EntryChange>> left) {
    if (alive.expired() || !standing_by()) return;
    if (left) return on_resumed(*left);
    spdlog::warn("cannot take over yet: {}", left.error().text());
  });
}

// Active: with what the other one had left on its way, and what has changed in the files.
void Engine::on_resumed(const std::vector<snapshot::EntryChange>& left) {
  ++metrics_.take_overs;
  if (auto ended = standby_->end(); !ended) on_trouble(ended.error());
  heartbeat_->set_paused(false);
  spdlog::warn("the other engine is silent: this one is active from now on");
  if (!left.empty()) {
    std::vector<snapshot::EntryChange> all;
    for (const auto& entry : cycle_->state().entries(store_.tenant())) {
      all.push_back({store_.tenant(), entry.key, entry.json});
    }
    if (auto adopted = adopt(all); !adopted) on_trouble(adopted.error());
  }
  heartbeat_->beat();
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) reload_files();
  });
}

}  // namespace flagmesh::engine
