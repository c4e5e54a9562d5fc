// A witness of other logs (C2SP tlog-witness): it cosigns every checkpoint that a log's key signed
// and that continues the one before. It looks at no entry. https://c2sp.org/tlog-witness
//
// What it has cosigned is on disk before it is cosigned, so no log is shown two histories:
//   file = "flagmesh witness 1" LF *( size " " base64( root ) " " origin LF )
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/config.h"
#include "merkle/hash.h"
#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::validator {

// The body of add-checkpoint:
//   request = "old " size LF *( base64( hash ) LF ) LF note
struct AddCheckpoint {
  uint64_t old_size = 0;
  merkle::Proof proof;  // at most 63
  std::string note;

  // Strict. Code "bad_request".
  static Result<AddCheckpoint> parse(std::string_view body);
  std::string text() const;
};

// One owner, one thread.
class Witness {
 public:
  // Reads `state_dir`/witness, which the caller has locked. Codes of read_if_exists,
  // "corrupt_state".
  static Result<Witness> open(const std::string& state_dir,
                              std::vector<config::WitnessedLogConfig> logs);

  bool knows(std::string_view origin) const;

  // The signature line. Codes: "unknown_log", "bad_signature" (none of the log's keys signed),
  // "bad_request" (old size above the checkpoint's), "wrong_size" (`size_of` is what it has),
  // "fork" (as large, another root), "inconsistent_log", "write_failed".
  Result<std::string> add(const AddCheckpoint& request, const merkle::SigningKey& key,
                          int64_t unix_seconds);
  // Size of the newest checkpoint that was cosigned; 0: none.
  uint64_t size_of(std::string_view origin) const;

 private:
  struct Seen {
    uint64_t size = 0;
    merkle::Hash root;
  };
  Status parse(std::string_view text);
  Status keep(const std::string& origin, const Seen& seen);

  std::string path_;
  std::vector<config::WitnessedLogConfig> logs_;
  std::map<std::string, Seen, std::less<>> seen_;  // by origin
};

}  // namespace flagmesh::validator
