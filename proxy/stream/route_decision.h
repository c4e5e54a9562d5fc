// What was decided about a request, once: everything later (retry, log, metrics, headers) reads it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "control/snapshot/route.h"
#include "proxy/upstream/container.h"

namespace flagmesh::stream {

// Why the request goes where it goes.
enum class Why : uint8_t {
  kRoute,            // no flag: the route names the container
  kSplit,            // no flag: random by weight
  kVariant,          // the flag's variant for this targeting key
  kFlagMissing,      // fallback: the state has no such flag
  kFlagDisabled,     // fallback: the flag is disabled
  kNoVariant,        // fallback: evaluation gave none (no default)
  kEvaluationError,  // fallback
  kVariantNotServed, // fallback: `serve` does not name the variant
  kUnproven,         // fallback: when_unproven says so
};
std::string_view why_name(Why why);  // "variant", "flag_missing", ...

struct Candidate {
  upstream::Container* container = nullptr;
  upstream::Denial denied = upstream::Denial::kNone;  // why it was passed over, when it was
  bool by_variant = false;                            // the variant's own container, not the fallback
};

struct RouteDecision {
  static constexpr size_t kMaxCandidates = 2;

  const snapshot::Route* route = nullptr;  // null once the response has begun: the snapshot was let go
  std::string_view flag;       // key; empty when the route has none. This and `variant` live as long as the stream
  std::string_view variant;    // name; empty without one
  uint32_t variant_index = 0;  // into the flag's variants, when `variant` is not empty
  uint64_t epoch = 0;          // of the state that decided; 0 without a flag
  // The fields that say so, ready to be copied (VariantCounters::lines, ServedSnapshot::epoch_line); empty: made from the above. They live
  // as long as the snapshot.
  std::string_view variant_lines;
  std::string_view epoch_line;
  Why why = Why::kRoute;
  bool stale = false;          // decided under state that is past its age or not proven
  std::string_view minted;     // a new targeting key that the response sets as cookie; in the arena

  std::array<Candidate, kMaxCandidates> candidates;  // in order of preference
  uint8_t count = 0;
  uint8_t current = 0;

  void add(upstream::Container* container, bool by_variant) {
    if (count < kMaxCandidates) candidates[count++] = Candidate{.container = container, .by_variant = by_variant};
  }
  Candidate& chosen() { return candidates[current]; }
  const Candidate& chosen() const { return candidates[current]; }
};

}  // namespace flagmesh::stream
