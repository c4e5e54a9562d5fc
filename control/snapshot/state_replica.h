// A verified copy of published state: flags, tenant trees and the compact range of the epoch log.
// It moves from one checkpoint to the next only when every root was recomputed; a refused step
// leaves it as it was. Who signed the checkpoint, and when, is not its business (acceptance.h for
// routers, control/validator for validators).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/snapshot/flag_table.h"
#include "control/snapshot/published_state.h"
#include "merkle/checkpoint.h"
#include "merkle/compact_range.h"
#include "merkle/sorted_tree.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// A step of the replica, already parsed.
struct StateStep {
  // The entries are all that the tenants have, not changes. A replica without state begins with
  // `before` (log.from and `skipped` are not looked at); one that has state is led over every leaf
  // between its own size, at or after log.from, and the record by `skipped`.
  bool full = false;
  LogStep log;
  std::optional<merkle::CompactRange> before;  // full only: of the record.epoch - 1 leaves before
  std::vector<TenantChange> tenants;           // the replica's one, or all of the state's
};

// Several deltas of one tenant in a row as one step; of several changes of a key the last counts.
// REQUIRES: at least one. Code "gap" when one does not begin where the one before ended.
Result<StateStep> join_deltas(std::vector<Delta> deltas);

// A replica of one tenant ignores the others; one of all tenants insists on the whole state tree.
// One owner, one thread. Movable. Copying costs O(flags).
class StateReplica {
 public:
  static StateReplica of_tenant(std::string tenant) { return StateReplica(std::move(tenant)); }
  static StateReplica of_all() { return StateReplica(std::nullopt); }

  // Size of the log at the state that it has; 0: none.
  uint64_t size() const { return log_.size(); }
  merkle::Hash log_root() const { return log_.root(); }
  const merkle::CompactRange& log() const { return log_; }
  const merkle::EpochRecord& record() const { return record_; }  // REQUIRES: size() > 0
  const FlagTable& flags() const { return flags_; }
  const std::optional<std::string>& tenant() const { return tenant_; }
  // Canonical JSON of a tenant's flag-set metadata; empty: none.
  std::string_view metadata(std::string_view tenant) const;
  // Its leaf; an empty `json`: none.
  StateEntry metadata_entry(std::string_view tenant) const;
  // The hash that the tenant's tree comes to; the empty tree's when there is no such tenant.
  merkle::Hash tenant_root(std::string_view tenant) const;

  // What a step would lead to, shown when it is proven and before it is taken; references live for
  // the call.
  struct Proposal {
    const merkle::Checkpoint& checkpoint;
    const merkle::EpochRecord& record;
    const FlagTable& before;
    const FlagTable& after;
    const StateStep& step;
    const merkle::CompactRange& log_before;  // of the record.epoch - 1 leaves before the record
    StateEntry metadata;  // of a replica's one tenant after the step; an empty `json`: none
  };
  // Decides whether a proven step is taken: persistence, policy. Its error is the step's.
  using Gate = std::function<Status(const Proposal&)>;

  // All or nothing. Codes, in the order of the checks:
  //   "bad_record"        the record's epoch is not the checkpoint's size
  //   "gap"               the step does not begin at this replica's size
  //   "inconsistent_log"  the leaves do not lead from the log that is known to the checkpoint's
  //                       root, or the record is not its last leaf
  //   "wrong_tenants"     not exactly the tenants that the replica has to have
  //   "unproven_tenant"   a tenant's root is not under the record's state root
  //   "wrong_flag_count"  the proven number of flags is not what came
  //   "root_mismatch"     a tenant's entries do not hash to its root: something was altered,
  //                       dropped or added
  //   "bad_flag"          a proven entry is no flag that this build can evaluate
  // and what the gate says. Cost of a delta: O(changes * log flags).
  Status take(const merkle::Checkpoint& checkpoint, const StateStep& step, const Gate& gate = {});

  // As take, but nothing is kept whatever the outcome: the gate looks at the proposal (validators).
  Status examine(const merkle::Checkpoint& checkpoint, const StateStep& step, const Gate& gate);

 private:
  struct Tenant {
    merkle::SortedTree tree;
    StateEntry metadata;
  };
  struct Undo;
  struct Work;

  explicit StateReplica(std::optional<std::string> tenant) : tenant_(std::move(tenant)) {}
  Status propose(const merkle::Checkpoint& checkpoint, const StateStep& step, const Gate& gate,
                 Work& work);
  Status check_log(const merkle::Checkpoint& checkpoint, const StateStep& step, Work& work) const;
  Status check_tenants(const StateStep& step) const;
  Status change_trees(const StateStep& step, Work& work);
  Status change_tree(const TenantChange& change, bool full, Work& work);
  Status change_flags(const StateStep& step, Work& work) const;
  Status change_flags_of(const TenantChange& change, bool full, Work& work) const;
  void commit(const StateStep& step, Work& work);
  void undo(Work& work);

  std::optional<std::string> tenant_;  // nullopt: all
  merkle::CompactRange log_;
  merkle::EpochRecord record_;
  std::map<std::string, Tenant, std::less<>> tenants_;
  FlagTable flags_;
};

}  // namespace flagmesh::snapshot
