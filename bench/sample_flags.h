// The flags that the benchmarks of the state measure with: as people write them, two variants and a split.
#pragma once

#include <string>
#include <utility>

#include "control/flags/model.h"

namespace flagmesh::bench {

inline std::string flag_key(int i) {
  return "team-" + std::to_string(i % 97) + ".flag-" + std::to_string(i);
}

// Flag number `i` of tenant default, on for `on` of 100 users.
inline flags::FlagDefinition sample_flag(int i, int on) {
  flags::FlagDefinition flag;
  flag.tenant = "default";
  flag.key = flag_key(i);
  flag.variants = {{"on", true}, {"off", false}};
  flag.default_variant = "off";
  using flags::JsonValue;
  JsonValue::Array shares;
  shares.push_back(JsonValue::Array{"on", on});
  shares.push_back(JsonValue::Array{"off", 100 - on});
  flag.targeting = JsonValue(JsonValue::Object{{"fractional", JsonValue(std::move(shares))}});
  return flag;
}

}  // namespace flagmesh::bench
