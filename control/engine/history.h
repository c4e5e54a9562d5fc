// Every change that the engine accepted, in order, on disk: the audit trail behind the epoch log's
// commitments, and what a restart rebuilds API changes and used nonces from.
//
//   file  = "flagmesh history 1" LF *line
//   line  = check SP json LF          ; check: first 16 hexadecimal digits of SHA-256( json )
//   json  = {"author":"…","changes":[change…],"epoch":N,"nonces":[nonce…],"opening":"64
//   hex","time":milliseconds} change = {"author":"…","flag":"key","json":"…","over":"…","source":"…","what":"…"}
//            ; json: the canonical definition, only where it lies over a file's or no file defines
//            the flag
//   nonce = {"expires":seconds,"nonce":"…"}
//
// The record of epoch N in the log commits to its line: change = change_commitment(opening,
// canonical JSON of `changes`), author = the first 16 bytes of HMAC-SHA256(opening, "author" 0
// author). A line is synced before its record is appended, so a record without a line cannot exist;
// a line without a record is a change that never got its epoch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/engine/flag_store.h"
#include "merkle/epoch_record.h"
#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::engine {

struct UsedNonce {
  std::string nonce;
  int64_t expires = 0;  // seconds since 1970
};

struct HistoryEntry {
  uint64_t epoch = 0;
  int64_t time_ms = 0;
  merkle::Hash opening;  // 32 random bytes
  std::vector<FlagChange> changes = {};
  std::vector<UsedNonce> nonces = {};

  // The author of all changes, or "several".
  std::string author() const;
  merkle::AuthorId author_id() const;
  merkle::Hash commitment() const;
};

// Move-only; one owner, one thread. The epoch log's lock keeps other processes away from it.
class History {
 public:
  // Opens or creates; a line that a crash tore is the last one and is cut. Codes "open_failed",
  // "read_failed", "write_failed", "corrupt_history" (with the line's number).
  static Result<History> open(const std::string& path);

  History(History&& other) noexcept;
  History& operator=(History&& other) noexcept;
  ~History();

  // What was there when it was opened; gives it away.
  std::vector<HistoryEntry> take_entries() { return std::move(entries_); }

  // Durable when it returns. Code "write_failed"; after it every later call fails too.
  Status append(const HistoryEntry& entry);

 private:
  History(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Status load();

  int fd_;
  std::string path_;
  std::vector<HistoryEntry> entries_;
  bool failed_ = false;
};

}  // namespace flagmesh::engine
