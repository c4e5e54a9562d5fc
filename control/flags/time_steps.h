// When time alone may change what a flag evaluates to: for caches, and for whoever announces a
// change.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace flagmesh::flags {

// Of one flag, or of several together. A value.
struct TimeSteps {
  // Seconds since 1970 UTC at which a comparison of `$flagd.timestamp` with a constant may turn;
  // sorted, each once.
  std::vector<int64_t> at;
  // The time is used in another way: every second may bring another result, and `at` does not say
  // which.
  bool any_second = false;

  // settle() follows the last one.
  void add(const TimeSteps& more);
  void settle();
  // The first step after `unix_seconds`; nothing when there is none.
  std::optional<int64_t> next(int64_t unix_seconds) const;
  // The last step at or before `unix_seconds`, 0 when there is none: with equal contexts, results
  // under equal numbers are equal.
  int64_t last(int64_t unix_seconds) const;
};

class Program;

TimeSteps time_steps(const Program& program);

}  // namespace flagmesh::flags
