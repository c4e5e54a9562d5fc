// Reads everything that the head names, for `flagmesh export`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/redis/full_read.h"
#include "control/snapshot/backup.h"
#include "control/snapshot/carrier.h"
#include "merkle/checkpoint.h"
#include "proxy/base/result.h"

namespace flagmesh::redis {

// One read; destroying it cancels. On the carrier's thread; the carrier outlives it and is connected.
// Proves nothing beyond the head that it is given: Backup::verified() does.
class BackupRead {
 public:
  using Done = std::move_only_function<void(Result<snapshot::Backup>)>;

  // `head` is the note, `checkpoint` what it says. `done` is called once, never inside. Codes: those
  // of FullRead, "missing_tenants".
  BackupRead(snapshot::Carrier& carrier, std::string head, const merkle::Checkpoint& checkpoint,
             Done done);
  ~BackupRead();
  BackupRead(const BackupRead&) = delete;
  BackupRead& operator=(const BackupRead&) = delete;

 private:
  void read_leaves();
  void next();
  void took(FullState state);
  void finish(Result<snapshot::Backup> result);

  snapshot::Carrier& carrier_;
  const merkle::Checkpoint checkpoint_;
  Done done_;
  snapshot::Backup backup_;
  std::vector<std::string> names_;
  std::unique_ptr<FullRead> read_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flagmesh::redis
