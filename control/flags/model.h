// A feature flag and a set of them, as flagd's schema defines them, after sugar and `$ref` are
// gone. Plain data.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/json_value.h"

namespace flagmesh::flags {

// The bucketing algorithm that flagd ships ("v2", bucketing.h). Its name is part of every flag's
// canonical form.
inline constexpr std::string_view kBucketingV2 = "flagd-v2";

// Limits of a definition: beyond them a flag is refused.
inline constexpr size_t kTenantBytes = 63;
inline constexpr size_t kFlagKeyBytes = 256;
inline constexpr size_t kVariantNameBytes = 256;
inline constexpr size_t kVariants = 1000;
inline constexpr size_t kCanonicalFlagBytes = 256 * 1024;
// Nodes of a flag's targeting once every `$ref` is inlined, and how deep they nest.
inline constexpr size_t kTargetingNodes = 20'000;
inline constexpr size_t kTargetingDepth = 100;

enum class FlagState : uint8_t { kEnabled, kDisabled };

struct Variant {
  std::string name = {};  // not empty
  JsonValue
      value;  // boolean, number, string or object; all variants of a flag should be of one type
};

// A variant of another flag that a flag asks for (prerequisites.h).
struct Prerequisite {
  std::string flag = {};                     // its key
  std::vector<std::string> variants = {};    // one of these
  std::optional<std::string> otherwise = {};  // the variant for those who do not have it
  std::string file = {};                     // where it was written; not part of its meaning
  Mark mark = {};
};

struct FlagDefinition {
  std::string tenant = {};  // a DNS label: [a-z0-9] and inner '-'
  std::string key = {};     // UTF-8 without control characters
  FlagState state = FlagState::kEnabled;
  std::vector<Variant>
      variants;  // file order, or name order when read from canonical JSON; at least one
  std::optional<std::string> default_variant =
      {};  // one of `variants`; nothing = the caller's default (flagd: null or absent)
  JsonValue targeting = {};  // JSONLogic with every known `$ref` and segment inlined; null = none
  JsonValue metadata = {};   // object of strings, numbers, booleans; null = none
  // Put into `targeting` by resolve_prerequisites(); not part of the canonical form, which stands
  // alone.
  std::vector<Prerequisite> prerequisites = {};
  JsonValue own_targeting = {};  // without them; only where there are some
  std::string bucketing{kBucketingV2};
  Mark mark = {};  // where its key was written; not part of its meaning

  // Index into `variants`, or nothing.
  std::optional<size_t> variant_index(std::string_view name) const;
};

// The flags of one tenant, from one or more files. Keys are unique.
struct FlagSet {
  std::string tenant = {};
  std::vector<FlagDefinition> flags = {};  // file order
  JsonValue metadata = {};    // the flag set's: object of strings, numbers, booleans; null = none
  JsonValue evaluators = {};  // `$evaluators` as written, already inlined into `flags`; for export.
                              // null = none

  const FlagDefinition* find(std::string_view key) const;  // linear
};

}  // namespace flagmesh::flags
