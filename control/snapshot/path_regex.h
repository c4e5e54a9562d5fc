// A regular expression over paths. PCRE2, as nginx and HAProxy have it: its compiled form is shared
// without a lock (libc's regexec locks each one), and every match is bounded in steps and memory
// (std::regex overflows the stack on long input).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// Immutable; any number of threads may match with one object.
class PathRegex {
 public:
  // A match is given up after this many steps and counts as none: a request cannot buy CPU with a
  // clever path.
  static constexpr uint32_t kSteps = 20'000;
  // Longer paths match nothing.
  static constexpr size_t kPathBytes = 4'096;
  static constexpr size_t kPatternBytes = 1'024;

  // Bytes, not characters; `$` is the end alone. Code "bad_regex"; the message has the offset.
  static Result<PathRegex> compile(std::string_view pattern);

  // Found anywhere in the path, unless the pattern is anchored. A thread's first match allocates
  // its work space; the ones after it allocate only when the pattern needs more than any before.
  bool matches(std::string_view path) const noexcept;

 private:
  struct Free {
    void operator()(void* code) const noexcept;
  };
  explicit PathRegex(void* code) : code_(code) {}

  std::unique_ptr<void, Free> code_;  // pcre2_code
};

}  // namespace flagmesh::snapshot
