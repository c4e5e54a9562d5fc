// What a router accepted, on its own disk: the state that it boots from without Redis, and the
// place in the log below which it never goes again.
//
//   folder/lock      one process at a time
//   folder/journal   = "flagmesh journal 1" LF *chunk base *step
//   folder/newest    the head note with the newest timestamp that verified, when it is newer than
//                    the journal's: trusted time never falls below it
//
//   chunk  = frame of kind %x01: a chunk of published state (published_state.h)
//   base   = frame of kind %x02: u32 note manifest       ; length and head, and what its chunks are
//   step   = frame of kind %x03: u32 note delta          ; length and head, and what leads to it
//   frame  = "FMJ" kind u32 payload check                ; length; check: the first 8 bytes of
//                                                        ; SHA-256( kind length payload )
//
// Integers are big-endian. Every step is one write and one fsync, before the state is served;
// nothing is written behind a frame that is not synced. So what a crash tore is the last frame,
// which is cut; damage anywhere else is not a crash's doing, and the file is refused. When the
// steps outgrow the base, a new file with a new base is put in the old one's place.
//
// Nothing here is believed because it was on the disk: Acceptance::restore verifies it again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot/published_state.h"
#include "control/snapshot/state_replica.h"
#include "proxy/base/durable_file.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// A journal as it was read: the forms in which a carrier brings state. Not verified.
struct StoredTrust {
  std::string base_head;  // note that `manifest` and `chunks` are the state of
  Manifest manifest;
  std::vector<std::string> chunks;
  std::vector<std::string> deltas;  // from there, in order
  std::string head;                 // note of the last one; base_head when there is none
  std::string newest;               // the file of that name; empty: none
  uint64_t whole_bytes = 0;         // of the file, without what a crash tore
};

// The file's bytes. Code "corrupt_journal", with the byte where. Pure.
Result<StoredTrust> parse_journal(std::string_view bytes);

// One owner, one thread: that of the router's source of state.
class Journal {
 public:
  // A new file is begun when the steps are longer than the base, and than this.
  static constexpr uint64_t kStepBytes = 4 * 1024 * 1024;

  // Makes the folder and locks it. Codes "locked", "write_failed". With `wait`, a folder that
  // another process has locked is no error: held() is false then, what is there can be read, and
  // nothing is kept until hold() got the lock (a successor, while its predecessor still serves).
  static Result<std::unique_ptr<Journal>> open(std::string folder, bool wait = false);

  bool held() const { return lock_.has_value(); }
  // Tries to get the lock; what another process kept meanwhile is to be read then. Codes "locked",
  // "write_failed".
  Status hold();
  // Lets another process have the folder. Nothing is kept any more.
  void release();

  // Nothing when the folder has no journal. Codes "corrupt_journal", "read_failed", "too_large".
  Result<std::optional<StoredTrust>> read() const;
  // Goes on behind what was read, cutting what a crash tore. REQUIRES: held(). Code "write_failed".
  Status resume(const StoredTrust& stored);

  // The step that a head leads to; durable when it returns. Code "unwritable_state_dir": the step
  // must not be taken; the next call tries again from the beginning of a new file.
  Status keep(std::string_view head, const StateReplica::Proposal& proposal);
  // A head whose timestamp is newer than all that was kept. Durable; same code.
  Status keep_newest(std::string_view head);
  // Moves the journal out of the way, to "journal.forgotten"; durable. Code "write_failed".
  Status forget();

  const std::string& folder() const { return folder_; }

 private:
  Journal(std::string folder, std::optional<FolderLock> lock)
      : folder_(std::move(folder)), lock_(std::move(lock)) {}
  std::string path() const { return folder_ + "/journal"; }
  Status write_base(std::string_view head, const StateReplica::Proposal& proposal);
  Status write_step(std::string_view head, const StateReplica::Proposal& proposal);

  const std::string folder_;
  std::optional<FolderLock> lock_;
  std::optional<GrowingFile> file_;  // none: the next step begins a new one
  uint64_t base_bytes_ = 0;          // of its beginning, up to the steps
};

}  // namespace flagmesh::snapshot
