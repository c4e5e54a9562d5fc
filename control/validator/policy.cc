#include "control/validator/policy.h"

#include <algorithm>
#include <utility>

#include "control/flags/canonical_flag.h"
#include "control/flags/moved_share.h"
#include "lockfile/approval.h"

namespace flagmesh::validator {
namespace {

using snapshot::FlagEntry;

constexpr int64_t kDay = 24 * 60 * 60;

std::string place_of(const FlagEntry& entry) {
  return "flag '" + std::string(entry.key()) + "' of tenant '" + std::string(entry.tenant()) + "'";
}

std::string percent(uint64_t ppm) {
  const std::string tenths = std::to_string((ppm + 999) / 1000);  // rounded up
  if (tenths.size() < 2) return "0." + tenths + "%";
  const std::string whole = tenths.substr(0, tenths.size() - 1);
  return tenths.back() == '0' ? whole + "%" : whole + "." + tenths.back() + "%";
}

// An entry that is proven was parsed before.
std::optional<flags::FlagDefinition> definition_of(const FlagEntry* entry) {
  if (entry == nullptr) return std::nullopt;
  auto definition = flags::parse_canonical_flag(entry->canonical_json);
  if (!definition) return std::nullopt;
  return std::move(*definition);
}

struct Change {
  const FlagEntry* before;
  const FlagEntry* after;
  uint32_t ppm;

  const FlagEntry& entry() const { return after == nullptr ? *before : *after; }
};

}  // namespace

bool Policy::is_frozen(std::string_view key) const {
  return std::ranges::any_of(rules_.frozen, [&](std::string_view pattern) {
    if (!pattern.ends_with('*')) return key == pattern;
    return key.starts_with(pattern.substr(0, pattern.size() - 1));
  });
}

Status Policy::check_hours(int64_t now) const {
  if (rules_.hours.empty()) return {};
  const int64_t day = now / kDay;
  const auto weekday = static_cast<unsigned>((day + 3) % 7);  // 1970-01-01 was a Thursday
  const auto minute = static_cast<uint16_t>(now % kDay / 60);
  const bool open = std::ranges::any_of(rules_.hours, [&](const config::HoursConfig& hours) {
    return (hours.days >> weekday & 1U) != 0 && minute >= hours.from && minute < hours.to;
  });
  if (open) return {};
  return fail("outside_hours", "changes are not allowed at this hour (UTC)", {},
              "wait for policy.allowed_hours; a kill is always allowed");
}

Status Policy::check_lock(const Case& what, PolicyMemory& memory) const {
  if (!rules_.require_lock.asked_for()) return {};
  if (what.lock.empty()) {
    return fail("lock_required", "no lock came with the epoch", {},
                "flagmesh lock, let the approvers sign, and give the engine its lock_file");
  }
  auto file = lockfile::LockFile::parse(what.lock);
  if (!file) return std::unexpected(file.error());
  const auto approved =
      lockfile::check_approvals(*file, rules_.require_lock.approvers, rules_.require_lock.required);
  if (!approved) return approved;
  for (const Case::Tenant& tenant : what.tenants) {
    Status allowed = fail("wrong_base_root", "there is no base");
    for (const auto& from : tenant.from) {
      allowed = lockfile::check_transition(file->lock, tenant.name, from, tenant.to, what.now);
      if (allowed) break;
    }
    if (!allowed) return allowed;
  }
  const merkle::Hash body = merkle::sha256(file->lock.text());
  for (const UsedLock& used : memory.locks) {
    if (used.body != body || used.epoch == what.epoch || used.epoch > what.head) continue;
    return fail("lock_spent",
                "this lock was used for epoch " + std::to_string(used.epoch) + " already", {},
                "a lock allows one transition: make another");
  }
  std::erase_if(memory.locks, [&](const UsedLock& used) {
    return used.body == body || used.not_after < what.now;
  });
  memory.locks.push_back({file->lock.not_after, what.epoch, body});
  return {};
}

Result<PolicyMemory> Policy::judge(const Case& what, const PolicyMemory& memory) const {
  std::vector<Change> changes;
  snapshot::FlagTable::for_each_difference(
      what.before, what.after, [&](const FlagEntry* before, const FlagEntry* after) {
        if (before != nullptr && after != nullptr && before->leaf == after->leaf) return;
        const auto was = definition_of(before);
        const auto is = definition_of(after);
        if (was && is && flags::is_kill(*was, *is, rules_.any_kill)) return;
        changes.push_back(
            {before, after, flags::moved_share(was ? &*was : nullptr, is ? &*is : nullptr).ppm});
      });
  PolicyMemory next = memory;
  const int64_t begin = what.now - rules_.window / 1000;
  std::erase_if(next.moves, [&](const Move& move) {
    return move.time < begin || move.epoch == what.epoch;
  });
  if (changes.empty() && !what.metadata_changed) return next;
  for (const Change& change : changes) {
    if (change.before != nullptr && is_frozen(change.before->key())) {
      return fail("frozen_flag", place_of(*change.before) + " is frozen", {},
                  "see policy.frozen_flags; a kill is always allowed");
    }
  }
  if (auto open = check_hours(what.now); !open) return std::unexpected(open.error());
  for (const Change& change : changes) {
    if (change.ppm == 0) continue;
    const FlagEntry& entry = change.entry();
    uint64_t sum = change.ppm;
    for (const Move& move : next.moves) {
      if (move.flag == entry.key() && move.tenant == entry.tenant()) sum += move.ppm;
    }
    if (sum > rules_.max_moved_ppm) {
      return fail("share_moved",
                  place_of(entry) + " would move up to " + percent(change.ppm) + " of the users, " +
                      percent(sum) + " within the window; " + percent(rules_.max_moved_ppm) +
                      " are allowed",
                  {}, "take a smaller step, or wait; a kill is always allowed");
    }
    if (rules_.max_moved_ppm < flags::kEverybody) {
      next.moves.push_back({what.now, what.epoch, change.ppm, std::string(entry.tenant()),
                            std::string(entry.key())});
    }
  }
  if (rules_.require_lock.asked_for()) {
    for (const Change& change : changes) {
      if (std::ranges::find(what.tenants, change.entry().tenant(), &Case::Tenant::name) ==
          what.tenants.end()) {
        return fail("wrong_tenant", place_of(change.entry()) + " goes with its whole tenant");
      }
    }
  }
  if (auto locked = check_lock(what, next); !locked) return std::unexpected(locked.error());
  return next;
}

}  // namespace flagmesh::validator
