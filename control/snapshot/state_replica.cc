#include "control/snapshot/state_replica.h"

#include <algorithm>
#include <set>
#include <utility>

#include "control/flags/canonical_flag.h"
#include "control/flags/compiled_flag.h"

namespace flagmesh::snapshot {

using merkle::Checkpoint;
using merkle::SortedTree;

// How to bring one tenant's tree back.
struct StateReplica::Undo {
  std::string tenant;
  bool is_new = false;
  std::optional<SortedTree> tree;           // all of it, or
  std::vector<SortedTree::Change> changes;  // what reverts the changes
};

// A step on its way: what will be there when it is taken, and how to get back.
struct StateReplica::Work {
  merkle::CompactRange log;
  merkle::CompactRange log_before;  // the record
  FlagTable flags;
  std::map<std::string, StateEntry> metadata;  // of tenants whose metadata changes
  std::vector<Undo> undo;
};

namespace {

std::string place_of(std::string_view tenant, std::string_view key) {
  if (key.empty()) return "metadata of tenant '" + std::string(tenant) + "'";
  return "flag '" + std::string(key) + "' of tenant '" + std::string(tenant) + "'";
}

// The entry of a proven leaf. Code "bad_flag".
Result<std::shared_ptr<const FlagEntry>> compile(std::string_view tenant, const StateEntry& entry) {
  Result<flags::FlagDefinition> definition = flags::parse_canonical_flag(entry.json);
  if (!definition) {
    return fail("bad_flag", definition.error().message, place_of(tenant, entry.key));
  }
  if (definition->tenant != tenant || definition->key != entry.key) {
    return fail("bad_flag", "it is the definition of another flag", place_of(tenant, entry.key));
  }
  Result<std::shared_ptr<const flags::CompiledFlag>> flag =
      flags::CompiledFlag::compile(*definition);
  if (!flag) return fail("bad_flag", flag.error().message, place_of(tenant, entry.key));
  return std::make_shared<const FlagEntry>(FlagEntry{*std::move(flag), entry.json, entry.leaf(), entry.opening});
}

}  // namespace

Result<StateStep> join_deltas(std::vector<Delta> deltas) {
  StateStep step;
  step.log = std::move(deltas.front().log);
  TenantChange joined = std::move(deltas.front().change);
  if (deltas.size() > 1) {
    std::map<std::string, std::optional<StateEntry>> by_key;
    const auto add = [&by_key](TenantChange& change) {
      for (StateEntry& entry : change.changed) {
        std::string key = entry.key;
        by_key.insert_or_assign(std::move(key), std::move(entry));
      }
      for (std::string& key : change.gone) by_key.insert_or_assign(std::move(key), std::nullopt);
    };
    add(joined);
    for (size_t i = 1; i < deltas.size(); i++) {
      LogStep& log = deltas[i].log;
      if (log.from != step.log.to()) {
        return fail("gap", "a delta from epoch " + std::to_string(log.from) +
                               " follows one that ends at " + std::to_string(step.log.to()));
      }
      step.log.skipped.push_back(step.log.record.leaf());
      step.log.skipped.insert(step.log.skipped.end(), log.skipped.begin(), log.skipped.end());
      step.log.record = std::move(log.record);
      joined.proof = std::move(deltas[i].change.proof);
      add(deltas[i].change);
    }
    joined.changed.clear();
    joined.gone.clear();
    for (auto& [key, entry] : by_key) {
      if (entry) {
        joined.changed.push_back(*std::move(entry));
      } else {
        joined.gone.push_back(key);
      }
    }
  }
  step.tenants.push_back(std::move(joined));
  return step;
}

std::string_view StateReplica::metadata(std::string_view tenant) const {
  const auto at = tenants_.find(tenant);
  return at == tenants_.end() ? std::string_view() : std::string_view(at->second.metadata.json);
}

StateEntry StateReplica::metadata_entry(std::string_view tenant) const {
  const auto at = tenants_.find(tenant);
  return at == tenants_.end() ? StateEntry() : at->second.metadata;
}

merkle::Hash StateReplica::tenant_root(std::string_view tenant) const {
  const auto at = tenants_.find(tenant);
  return at == tenants_.end() ? merkle::empty_root() : at->second.tree.root();
}

Status StateReplica::take(const Checkpoint& checkpoint, const StateStep& step, const Gate& gate) {
  Work work;
  if (Status proposed = propose(checkpoint, step, gate, work); !proposed) {
    undo(work);
    return proposed;
  }
  commit(step, work);
  return {};
}

Status StateReplica::examine(const Checkpoint& checkpoint, const StateStep& step,
                             const Gate& gate) {
  Work work;
  Status proposed = propose(checkpoint, step, gate, work);
  undo(work);
  return proposed;
}

Status StateReplica::propose(const Checkpoint& checkpoint, const StateStep& step, const Gate& gate,
                             Work& work) {
  if (Status log = check_log(checkpoint, step, work); !log) return log;
  if (Status tenants = check_tenants(step); !tenants) return tenants;
  if (Status trees = change_trees(step, work); !trees) return trees;
  // Nothing of a definition is looked at before it is proven.
  if (Status flags = change_flags(step, work); !flags) return flags;
  if (!gate) return {};
  StateEntry metadata;
  if (tenant_) {
    const auto changed = work.metadata.find(*tenant_);
    metadata = changed == work.metadata.end() ? metadata_entry(*tenant_) : changed->second;
  }
  return gate(Proposal{checkpoint, step.log.record, flags_, work.flags, step, work.log_before,
                       std::move(metadata)});
}

Status StateReplica::check_log(const Checkpoint& checkpoint, const StateStep& step,
                               Work& work) const {
  const LogStep& log = step.log;
  if (log.record.epoch != checkpoint.size) {
    return fail("bad_record", "the record is of epoch " + std::to_string(log.record.epoch) +
                                  ", the checkpoint of size " + std::to_string(checkpoint.size));
  }
  const bool from_nothing = step.full && size() == 0;
  if (from_nothing && !step.before) {
    return fail("gap", "the state comes without the log before it");
  }
  work.log = from_nothing ? *step.before : log_;
  std::span<const merkle::Hash> leaves;  // between what is known and the record
  if (!from_nothing) {
    // A whole state may begin before this replica, a delta may not.
    const uint64_t known = size() >= log.from ? size() - log.from : 0;
    leaves = std::span(log.skipped).subspan(std::min<uint64_t>(known, log.skipped.size()));
  }
  const bool begins_here = from_nothing || log.from == size() || (step.full && log.from < size());
  if (!begins_here || work.log.size() >= checkpoint.size ||
      checkpoint.size - work.log.size() != leaves.size() + 1) {
    return fail("gap", "the step does not lead from epoch " + std::to_string(work.log.size()) +
                           " to " + std::to_string(checkpoint.size));
  }
  for (const merkle::Hash& leaf : leaves) work.log.append(leaf);
  work.log_before = work.log;
  work.log.append(log.record.leaf());
  if (work.log.root() != checkpoint.root) {
    return fail("inconsistent_log",
                "the log that is known does not lead to the checkpoint's root at size " +
                    std::to_string(checkpoint.size));
  }
  return {};
}

Status StateReplica::check_tenants(const StateStep& step) const {
  if (tenant_ && (step.tenants.size() != 1 || step.tenants[0].tenant != *tenant_)) {
    return fail("wrong_tenants", "the state is not that of tenant '" + *tenant_ + "' alone");
  }
  if (!tenant_ && step.tenants.empty() && step.log.record.state_root != merkle::empty_root()) {
    return fail("wrong_tenants", "the state comes without tenants but its root has some");
  }
  for (size_t i = 0; i < step.tenants.size(); i++) {
    const TenantChange& change = step.tenants[i];
    const bool whole = change.proof.index == i && change.proof.tenants == step.tenants.size() &&
                       (i == 0 || step.tenants[i - 1].tenant < change.tenant);
    if (!tenant_ && !whole) {
      return fail("wrong_tenants", "the tenants are not all those of the state, in order");
    }
    Status proven = change.proof.verify(change.tenant, step.log.record.state_root);
    if (!proven) {
      return fail("unproven_tenant", proven.error().message, "tenant '" + change.tenant + "'");
    }
  }
  return {};
}

Status StateReplica::change_trees(const StateStep& step, Work& work) {
  for (const TenantChange& change : step.tenants) {
    if (Status changed = change_tree(change, step.full, work); !changed) return changed;
  }
  return {};
}

Status StateReplica::change_tree(const TenantChange& change, bool full, Work& work) {
  const auto [at, is_new] = tenants_.try_emplace(change.tenant);
  SortedTree& tree = at->second.tree;
  Undo& undo = work.undo.emplace_back(Undo{change.tenant, is_new, std::nullopt, {}});
  if (full) {
    std::vector<SortedTree::Entry> entries;
    entries.reserve(change.changed.size());
    for (const StateEntry& entry : change.changed) entries.push_back({entry.key, entry.leaf()});
    Result<SortedTree> built = SortedTree::build(std::move(entries));
    if (!built) return fail("root_mismatch", built.error().message);
    undo.tree = std::exchange(tree, *std::move(built));
  } else {
    std::vector<SortedTree::Change> changes;
    const auto add = [&](const std::string& key, std::optional<merkle::Hash> leaf) {
      const std::optional<uint64_t> index = tree.find(key);
      undo.changes.push_back(
          {key, index ? std::optional<merkle::Hash>(tree.leaf(*index)) : std::nullopt});
      changes.push_back({key, leaf});
    };
    for (const StateEntry& entry : change.changed) add(entry.key, entry.leaf());
    for (const std::string& key : change.gone) add(key, std::nullopt);
    tree.apply(std::move(changes));
  }
  if (tree.root() != change.proof.root) {
    return fail("root_mismatch", "the flags do not hash to the root that was signed",
                "tenant '" + change.tenant + "'");
  }
  const uint64_t metadata = tree.size() > 0 && tree.key(0).empty() ? 1 : 0;
  if (tree.size() - metadata != change.proof.flags) {
    return fail("wrong_flag_count",
                "there are " + std::to_string(tree.size() - metadata) + " flags, " +
                    std::to_string(change.proof.flags) + " were signed",
                "tenant '" + change.tenant + "'");
  }
  return {};
}

Status StateReplica::change_flags(const StateStep& step, Work& work) const {
  work.flags = flags_;
  for (const TenantChange& change : step.tenants) {
    if (Status changed = change_flags_of(change, step.full, work); !changed) return changed;
  }
  if (tenant_) return {};
  // A tenant that the whole state no longer has.
  for (const auto& [name, tenant] : tenants_) {
    const bool stays =
        std::any_of(step.tenants.begin(), step.tenants.end(),
                    [&](const TenantChange& change) { return change.tenant == name; });
    if (stays) continue;
    flags_.for_each_of(name, [&](const FlagEntry& entry) {
      work.flags = work.flags.without(entry.tenant(), entry.key());
      return true;
    });
  }
  return {};
}

Status StateReplica::change_flags_of(const TenantChange& change, bool full, Work& work) const {
  const std::string& tenant = change.tenant;
  std::vector<std::shared_ptr<const FlagEntry>> entries;
  std::set<std::string_view> kept;
  if (full) work.metadata[tenant] = {};
  for (const StateEntry& entry : change.changed) {
    if (entry.key.empty()) {
      auto metadata = flags::parse_canonical_flag_set_metadata(entry.json, tenant);
      if (!metadata) return fail("bad_flag", metadata.error().message, place_of(tenant, {}));
      work.metadata[tenant] = entry;
      continue;
    }
    if (full) {
      kept.insert(entry.key);
      const FlagEntry* old = flags_.find(tenant, entry.key);
      if (old != nullptr && old->leaf == entry.leaf()) continue;
    }
    Result<std::shared_ptr<const FlagEntry>> compiled = compile(tenant, entry);
    if (!compiled) return std::unexpected(compiled.error());
    entries.push_back(*std::move(compiled));
  }
  if (work.flags.empty()) {
    work.flags = FlagTable::from_entries(std::move(entries));
  } else {
    for (auto& entry : entries) work.flags = work.flags.with(std::move(entry));
  }
  for (const std::string& key : change.gone) {
    if (key.empty()) work.metadata[tenant] = {};
    work.flags = work.flags.without(tenant, key);
  }
  if (!full) return {};
  flags_.for_each_of(tenant, [&](const FlagEntry& entry) {
    if (!kept.contains(entry.key())) work.flags = work.flags.without(tenant, entry.key());
    return true;
  });
  return {};
}

void StateReplica::commit(const StateStep& step, Work& work) {
  log_ = std::move(work.log);
  record_ = step.log.record;
  flags_ = std::move(work.flags);
  for (auto& [tenant, metadata] : work.metadata) tenants_[tenant].metadata = std::move(metadata);
  if (tenant_) return;
  std::erase_if(tenants_, [&](const auto& existing) {
    return std::none_of(step.tenants.begin(), step.tenants.end(), [&](const TenantChange& change) {
      return change.tenant == existing.first;
    });
  });
}

void StateReplica::undo(Work& work) {
  for (Undo& undo : work.undo) {
    if (undo.is_new) {
      tenants_.erase(undo.tenant);
    } else if (undo.tree) {
      tenants_[undo.tenant].tree = *std::move(undo.tree);
    } else {
      tenants_[undo.tenant].tree.apply(std::move(undo.changes));
    }
  }
}

}  // namespace flagmesh::snapshot
