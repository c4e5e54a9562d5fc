// `schedule`: a ramp. From each time on, these weights.
//
//   rollout:  { "on": 0, "off": 100 }        # before the first step; without it everybody has the
//   default schedule:
//     - { at: 2026-12-01T09:00:00Z, rollout: { "on": 10, "off": 90 } }
//     - { at: 2026-12-02T09:00:00Z, rollout: { "on": 50, "off": 50 } }
//
// Compiled to `if`s over `$flagd.timestamp`, each with the `fractional` that the rollout stands
// for: one order of variants in all steps, so that a step that only grows sends nobody back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/flags/model.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

inline constexpr size_t kScheduleSteps = 100;

// The targeting that it stands for; `before` is what decides until the first step (null: nothing
// does). Null and an error in `out` when it is wrong. REQUIRES: variants and default are read.
JsonValue desugar_schedule(const JsonValue& schedule, JsonValue before, const FlagDefinition& flag,
                           const std::string& file, Diagnostics& out);

// RFC 3339 ("2026-12-01T09:00:00Z", "2026-12-01T10:00:00+01:00"), without fractions of a second:
// seconds since 1970.
std::optional<int64_t> parse_instant(std::string_view text);

}  // namespace flagmesh::flags
