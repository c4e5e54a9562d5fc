// The one history that a validator has put its name to, on disk: the compact range of the log at
// the newest checkpoint that it cosigned. It never cosigns anything that does not continue it.
//
//   file = "flagmesh signed log 1" LF base64( compact-range ) LF       ; merkle/compact_range.h
#pragma once

#include <string>
#include <utility>

#include "control/snapshot/published_state.h"
#include "merkle/checkpoint.h"
#include "merkle/compact_range.h"
#include "proxy/base/durable_file.h"
#include "proxy/base/result.h"

namespace flagmesh::validator {

// Move-only; one owner, one thread. Holds the folder's lock.
class SignedLog {
 public:
  // Codes of FolderLock, "read_failed", "corrupt_state".
  static Result<SignedLog> open(const std::string& state_dir);

  uint64_t size() const { return range_.size(); }  // 0: nothing cosigned yet
  merkle::Hash root() const { return range_.root(); }

  // The log at the end of the step, which has to have the checkpoint's root and to continue what
  // was cosigned. `start` is the log before step.skipped, for a validator that has cosigned
  // nothing. Codes: "rollback" (smaller), "fork" (as large, another root), "gap" (leaves between
  // are missing), "inconsistent_log".
  Result<merkle::CompactRange> follow(const snapshot::LogStep& step,
                                      const merkle::CompactRange& start,
                                      const merkle::Checkpoint& checkpoint) const;

  // Durable when it returns; only then may the checkpoint be cosigned. Code "write_failed".
  Status advance(merkle::CompactRange range);

 private:
  SignedLog(FolderLock lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)) {}

  FolderLock lock_;
  std::string path_;
  merkle::CompactRange range_;
};

}  // namespace flagmesh::validator
