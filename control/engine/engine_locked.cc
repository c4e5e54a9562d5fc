// What an engine with `require_lock` does otherwise: flags change by files that a lock allows, and by
// kills. `store_` is what is in force (and kills on their way); what a lock allows takes its place
// when it is published.
#include <spdlog/spdlog.h>

#include <map>
#include <utility>

#include "control/engine/engine.h"
#include "control/engine/flag_files.h"
#include "proxy/base/time.h"

namespace flagmesh::engine {

Status Engine::needs_no_lock(std::string_view key, const FlagRequest& request) const {
  if (!gate_.asks()) return {};
  if (request.enabled && !*request.enabled) return {};
  const FlagStore::Flag* flag = store_.find(key);
  if (request.kill && flag != nullptr && flag->definition.default_variant == request.kill) return {};
  return fail("lock_required", "with require_lock only a kill needs no lock", {},
              "change the flag files and lock them; a kill disables the flag or serves its default "
              "variant");
}

std::vector<std::string> Engine::watched_files() const {
  std::vector<std::string> files = config::flag_files(options_.flags);
  if (gate_.asks()) files.push_back(gate_.file());
  return files;
}

// Before the first epoch: the files may have changed while the engine was away.
Status Engine::may_begin() {
  if (!gate_.asks()) return {};
  const snapshot::StateWriter& state = cycle_->state();
  const merkle::TenantSecret secret = options_.secrets.of(store_.tenant());
  if (state.head_size() == 0) {
    auto lock =
        gate_.allow(store_.tenant(), std::nullopt, tenant_root(store_, secret), unix_seconds());
    if (!lock) return std::unexpected(lock.error());
    cycle_->set_first_lock(std::move(*lock));
    return {};
  }
  if (!state.head_known()) {
    return fail("base_unknown", "the flags in force cannot be read, so no lock can be checked");
  }
  if (!state.staged()) return {};
  cycle_->keep_head();
  std::map<std::string, std::string> in_force;
  std::string metadata;
  for (const auto& entry : state.entries(store_.tenant())) {
    (entry.key.empty() ? metadata : in_force[entry.key]) = entry.json;
  }
  const FlagFiles files = read_files();
  if (has_errors(files.diagnostics)) return fail("bad_flag_files", "the flag files have mistakes");
  if (auto adopted = store_.adopt(files.set, in_force, std::move(metadata)); !adopted) {
    return adopted;
  }
  if (auto proposed = propose(files.set); !proposed) {
    lock_refusal_ = proposed.error();
    ++metrics_.file_refusals;
    spdlog::error("the flag files are not in force: {}", proposed.error().text());
  }
  return {};
}

void Engine::take_files(const flags::FlagSet& set) {
  if (cycle_->kill_on_its_way()) {
    files_again_ = true;
    return;
  }
  lock_refusal_.reset();
  if (auto proposed = propose(set); !proposed) {
    lock_refusal_ = proposed.error();
    ++metrics_.file_refusals;
    spdlog::error("the flag files are not in force: {}", proposed.error().text());
  }
  cycle_->poke();
}

Status Engine::propose(const flags::FlagSet& set) {
  const merkle::TenantSecret secret = options_.secrets.of(store_.tenant());
  const bool published = cycle_->epoch() > 0;
  FlagStore next = store_;
  std::vector<FlagChange> changes = next.load_only(set);
  if (!published) {
    // The first epoch has not begun: may_begin() looks at what is staged then.
    store_ = std::move(next);
    return cycle_->restage(changes);
  }
  const merkle::Hash to = tenant_root(next, secret);
  const merkle::Hash from = tenant_root(store_, secret);
  if (to == from) {
    store_ = std::move(next);
    return {};
  }
  auto lock = gate_.allow(store_.tenant(), from, to, unix_seconds());
  if (!lock) return std::unexpected(lock.error());
  spdlog::info("flag files read: {} flags change, as their lock allows", changes.size());
  proposed_ = std::move(next);
  cycle_->submit_locked(std::move(changes), std::move(*lock));
  return {};
}

void Engine::on_locked_published() {
  const merkle::TenantSecret secret = options_.secrets.of(store_.tenant());
  const merkle::SortedTree* tree = cycle_->state().tree(store_.tenant());
  if (proposed_ && tree != nullptr && tree->root() == tenant_root(*proposed_, secret)) {
    store_ = std::move(*proposed_);
    proposed_.reset();
    lock_refusal_.reset();
    if (on_change_) on_change_();
  }
  if (std::exchange(files_again_, false)) {
    loop_.post([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) reload_files();
    });
  }
}

}  // namespace flagmesh::engine
