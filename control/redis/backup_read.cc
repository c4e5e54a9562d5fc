#include "control/redis/backup_read.h"

#include <utility>

namespace flagmesh::redis {

using snapshot::Backup;

BackupRead::BackupRead(snapshot::Carrier& carrier, std::string head,
                       const merkle::Checkpoint& checkpoint, Done done)
    : carrier_(carrier), checkpoint_(checkpoint), done_(std::move(done)) {
  backup_.head = std::move(head);
  carrier.read_tenants(checkpoint.root, [this, alive = alive_](auto names) {
    if (!*alive) return;
    if (!names) return finish(std::unexpected(names.error()));
    if (!*names) {
      return finish(fail("missing_tenants", "the state of the head is not there"));
    }
    names_ = std::move(**names);
    read_leaves();
  });
}

BackupRead::~BackupRead() {
  *alive_ = false;
}

void BackupRead::finish(Result<Backup> result) {
  std::exchange(done_, nullptr)(std::move(result));
}

void BackupRead::read_leaves() {
  if (backup_.leaves.size() == checkpoint_.size) return next();
  carrier_.read_leaves(backup_.leaves.size(), checkpoint_.size, [this, alive = alive_](auto leaves) {
    if (!*alive) return;
    if (!leaves) return finish(std::unexpected(leaves.error()));
    if (leaves->empty()) {
      return finish(fail("missing_leaves", "the log is not whole at epoch " +
                                               std::to_string(backup_.leaves.size() + 1)));
    }
    backup_.leaves.insert(backup_.leaves.end(), leaves->begin(), leaves->end());
    read_leaves();
  });
}

void BackupRead::next() {
  const size_t index = backup_.tenants.size();
  if (index == names_.size()) return finish(std::move(backup_));
  read_ = std::make_unique<FullRead>(carrier_, names_[index], checkpoint_.size, checkpoint_.root, 0,
                                     [this](Result<FullState> state) {
                                       if (!state) return finish(std::unexpected(state.error()));
                                       took(*std::move(state));
                                     });
}

// Manifests are canonical, so writing one again gives its bytes.
void BackupRead::took(FullState state) {
  backup_.tenants.push_back({names_[backup_.tenants.size()], state.manifest.encode(),
                             std::move(state.chunks)});
  next();
}

}  // namespace flagmesh::redis
