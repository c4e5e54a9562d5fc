// Errors as values. A function that can fail returns Result<T> (result.h); nothing on the data plane throws.
#pragma once

#include <string>
#include <utility>

namespace flagmesh {

// What went wrong, for a person: `message` says what, in one sentence without a final stop; `place` says where (a file
// with line and column, a key in Redis, an address) or is empty; `mend` says what to do about it or is empty.
// `code` is a stable token in snake_case that metrics and tests count by ("bad_signature", "rollback"); it is never
// derived from input.
struct Error {
  std::string code;
  std::string message;
  std::string place = {};
  std::string mend = {};

  // "place: message (mend)", leaving out what is empty.
  std::string text() const;
};

}  // namespace flagmesh
