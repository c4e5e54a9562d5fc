// C2SP tlog-checkpoint: the text of a log's head, which is signed as a note (note.h).
//
//   checkpoint = origin LF size LF root LF *( extension LF )
//   origin     = 1*CHAR           ; UTF-8 without control characters; the log's identity
//   size       = "0" / ( %x31-39 *DIGIT )      ; leaves, decimal, up to 2^64-1
//   root       = 44 base64 letters             ; RFC 9162 root at that size
//   extension  = 1*CHAR           ; kept as it is; Flagmesh writes none
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

// A plain value.
struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  Hash root;
  std::vector<std::string> extensions = {};

  bool operator==(const Checkpoint&) const = default;

  // The note text, with its final newline. REQUIRES: origin and extensions as in the grammar.
  std::string text() const;

  // Strict: parse(text)->text() == text. Code "bad_checkpoint", the message says which line and
  // why. A size of 0 asks for the root of the empty tree.
  static Result<Checkpoint> parse(std::string_view text);
};

}  // namespace flagmesh::merkle
