#include "control/engine/lock_gate.h"

#include <utility>
#include <vector>

#include "lockfile/approval.h"
#include "lockfile/lock_file.h"
#include "merkle/sorted_tree.h"
#include "proxy/base/durable_file.h"

namespace flagmesh::engine {

using merkle::LeafKind;

merkle::Hash tenant_root(const FlagStore& flags, const merkle::TenantSecret& secret) {
  std::vector<merkle::SortedTree::Change> leaves;
  if (!flags.metadata().empty()) {
    leaves.push_back({{}, merkle::make_leaf_hash(secret, LeafKind::kMetadata, flags.tenant(), {},
                                                 flags.metadata())});
  }
  for (const auto& [key, flag] : flags.flags()) {
    leaves.push_back({key, merkle::make_leaf_hash(secret, LeafKind::kFlag, flags.tenant(), key,
                                                  flag.canonical)});
  }
  merkle::SortedTree tree;
  tree.apply(std::move(leaves));
  return tree.root();
}

Result<std::string> LockGate::allow(const std::string& tenant,
                                    const std::optional<merkle::Hash>& base,
                                    const merkle::Hash& to, int64_t unix_seconds) const {
  auto text = read_if_exists(file_, lockfile::kLockFileBytes);
  if (!text) return std::unexpected(text.error());
  if (!*text) {
    return fail("lock_required", "there is no lock file that allows what the files define", file_,
                "flagmesh lock makes it, flagmesh lock sign approves it");
  }
  const auto at_file = [this](Error error) {
    error.place = file_ + (error.place.empty() ? "" : ":" + error.place);
    return std::unexpected(std::move(error));
  };
  auto lock = lockfile::LockFile::parse(**text);
  if (!lock) return at_file(std::move(lock.error()));
  if (auto step = lockfile::check_transition(lock->lock, tenant, base, to, unix_seconds); !step) {
    return at_file(std::move(step.error()));
  }
  if (auto ok = lockfile::check_approvals(*lock, rule_.approvers, rule_.required); !ok) {
    return at_file(std::move(ok.error()));
  }
  return std::move(**text);
}

}  // namespace flagmesh::engine
