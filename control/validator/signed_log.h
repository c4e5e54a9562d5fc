// The one history that a validator has put its name to, on disk: the compact range of the log at
// the newest checkpoint that it cosigned. It never cosigns anything that does not continue it.
//
//   file  = "flagmesh signed log 1" LF range LF             ; as older builds wrote it
//         / "flagmesh signed log 2" LF range LF [ head ] *moved *lock
//   range = base64( compact-range )                         ; merkle/compact_range.h
//   head  = "head " size " " base64( root ) LF              ; in force when it was written
//   moved = "moved " seconds " " epoch " " ppm " " tenant " " key LF        ; policy.h
//   lock  = "lock " not-after " " epoch " " base64( SHA-256 of the body ) LF
//
// Range and memory are in one file so that no power cut can tell them apart: what an epoch moved is
// counted exactly when the epoch may have been cosigned.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/snapshot/published_state.h"
#include "control/validator/policy.h"
#include "merkle/checkpoint.h"
#include "merkle/compact_range.h"
#include "proxy/base/durable_file.h"
#include "proxy/base/result.h"

namespace flagmesh::validator {

struct HeadInForce {
  uint64_t size = 0;  // 0: none was
  merkle::Hash root;
};

// Move-only; one owner, one thread. Holds the folder's lock.
class SignedLog {
 public:
  // Codes of FolderLock, "read_failed", "corrupt_state".
  static Result<SignedLog> open(const std::string& state_dir);

  uint64_t size() const { return range_.size(); }  // 0: nothing cosigned yet
  merkle::Hash root() const { return range_.root(); }
  const PolicyMemory& memory() const { return memory_; }
  // The head that was in force when the newest checkpoint was cosigned.
  const HeadInForce& head() const { return head_; }

  // The log at the end of the step, which has to have the checkpoint's root and to continue what
  // was cosigned. `start` is the log before step.skipped, for a validator that has cosigned
  // nothing. Codes: "rollback" (smaller), "fork" (as large, another root), "gap" (leaves between
  // are missing), "inconsistent_log".
  Result<merkle::CompactRange> follow(const snapshot::LogStep& step,
                                      const merkle::CompactRange& start,
                                      const merkle::Checkpoint& checkpoint) const;

  // Durable when it returns; only then may the checkpoint be cosigned. Code "write_failed".
  Status advance(merkle::CompactRange range, PolicyMemory memory = {}, HeadInForce head = {});

 private:
  SignedLog(FolderLock lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)) {}
  Status parse(std::string_view text);
  Status parse_line(std::string_view line);

  FolderLock lock_;
  std::string path_;
  merkle::CompactRange range_;
  PolicyMemory memory_;
  HeadInForce head_;
};

}  // namespace flagmesh::validator
