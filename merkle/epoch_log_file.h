// The epoch log on disk: one file, one writer, one fsync per record.
//
//   file   = "flagmesh epoch log 1" LF *frame
//   frame  = record check               ; record: 105 bytes (epoch_record.h)
//          / leaf check                 ; of a log that was recovered
//   leaf   = %x02 epoch hash 64%x00     ; 105 bytes; epoch: 8 bytes; hash: 32, the record's leaf
//   check  = 8 bytes: the first of SHA-256( record ) or SHA-256( leaf )
//
// A record is in the log when its frame is synced; only then may anything that names it be signed.
// A frame that a crash tore is the last one (nothing is written before the one before it is
// synced); it is cut when the file is opened. Damage anywhere else is not a crash's doing and the
// file is refused.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "merkle/epoch_log.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

// Move-only; one owner, one thread. Holds an exclusive lock on the file while it lives.
class EpochLogFile {
 public:
  // Opens or creates; reads and checks every record. Codes: "open_failed", "locked" (another
  // process has it), "corrupt_log" (the message says at which epoch), "read_failed",
  // "write_failed".
  static Result<EpochLogFile> open(const std::string& path);

  EpochLogFile(EpochLogFile&& other) noexcept;
  EpochLogFile& operator=(EpochLogFile&& other) noexcept;
  ~EpochLogFile();

  const EpochLog& log() const { return log_; }
  // Bytes of a torn frame that open() cut: 0 after an orderly end.
  uint64_t cut_bytes() const { return cut_bytes_; }

  // Durable when it returns. Codes: check_next's, "write_failed". After a failed write or sync
  // nothing says what the disk holds, so every later append fails too, until the file is opened
  // again.
  Status append(const EpochRecord& record);

  // Beyond its first `keep` epochs the log goes on as another one that has proven itself: leaves,
  // then the record. The file is written anew, unless only the record is new; durable when it returns. Codes as append(), and
  // "locked". REQUIRES: keep <= log().size(), and the record's epoch is keep + leaves + 1.
  Status recover(uint64_t keep, std::span<const Hash> leaves, const EpochRecord& record);

 private:
  EpochLogFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Status load();
  Status read_frames(const std::string& bytes);
  Status cut_to(uint64_t size, const std::string& bytes);

  int fd_ = -1;
  std::string path_;
  EpochLog log_;
  uint64_t cut_bytes_ = 0;
  bool failed_ = false;
};

}  // namespace flagmesh::merkle
