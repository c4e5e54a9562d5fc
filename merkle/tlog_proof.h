// C2SP tlog-proof: that an entry is in a log, for someone who has the log's and its witnesses' keys
// and no network. https://c2sp.org/tlog-proof
//
//   tlog-proof = "c2sp.org/tlog-proof@v1" LF
//                [ "extra " base64 LF ]        ; not authenticated; kept as it is
//                "index " number LF            ; of the entry, from 0
//                *( hash LF )                  ; base64: inclusion path, from the leaf up
//                LF checkpoint-note            ; C2SP tlog-checkpoint, verbatim
//
// A plain value; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "merkle/checkpoint.h"
#include "merkle/hash.h"
#include "merkle/note.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

inline constexpr std::string_view kTlogProofLine = "c2sp.org/tlog-proof@v1\n";
inline constexpr size_t kTlogProofBytes = 256 * 1024;

struct TlogProof {
  uint64_t index = 0;
  Proof path;
  std::optional<std::string> extra = {};  // decoded
  Note checkpoint;

  std::string text() const;
  // Strict: parse(text)->text() == text. At most 64 hashes. Code "bad_tlog_proof".
  static Result<TlogProof> parse(std::string_view text);

  // The entry with this leaf hash is in the log under the checkpoint, which is given. Who signed it
  // is the caller's to check (verify_note). Codes "bad_checkpoint", "bad_index",
  // "bad_proof_length", "root_mismatch".
  Result<Checkpoint> check(const Hash& leaf) const;
};

}  // namespace flagmesh::merkle
