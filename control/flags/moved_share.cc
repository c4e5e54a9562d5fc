#include "control/flags/moved_share.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace flagmesh::flags {
namespace {

constexpr MovedShare kNobody{0, true};
constexpr MovedShare kAtMostAll{kEverybody, false};

// Variants over the range of hashes: each from where the one before ended, to `end` of `total`.
struct Ranges {
  JsonValue source;  // of the key; null: the targeting key
  struct Range {
    uint64_t end;
    std::string variant;  // "": the default variant, whatever it is
  };
  std::vector<Range> ranges;
  uint64_t total = 1;
};

// One variant for everybody.
std::optional<std::string> constant_of(const JsonValue& result) {
  if (result.is_null()) return std::string();
  if (result.is_string()) return result.string();
  return std::nullopt;
}

std::optional<Ranges> fractional_of(const JsonValue& result) {
  if (!result.is_object() || result.object().size() != 1 ||
      result.object().front().name != "fractional" ||
      !result.object().front().value.is_array()) {
    return std::nullopt;
  }
  const JsonValue::Array& items = result.object().front().value.array();
  Ranges out;
  const bool has_source = !items.empty() && !items.front().is_array();
  if (has_source) out.source = items.front();
  uint64_t sum = 0;
  for (size_t i = has_source ? 1 : 0; i < items.size(); ++i) {
    if (!items[i].is_array()) return std::nullopt;
    const JsonValue::Array& entry = items[i].array();
    if (entry.empty() || entry.size() > 2 || !entry[0].is_string()) return std::nullopt;
    const auto weight = entry.size() == 2 ? entry[1].integer() : std::optional<int64_t>(1);
    if (!weight || *weight < 0 || *weight > INT32_MAX) return std::nullopt;
    sum += static_cast<uint64_t>(*weight);
    out.ranges.push_back({sum, entry[0].string()});
  }
  if (sum == 0 || sum > INT32_MAX) return std::nullopt;
  out.total = sum;
  return out;
}

// A source that is the same text for everybody puts everybody into one bucket.
bool reads_context(const JsonValue& source) {
  if (source.is_array()) return std::ranges::any_of(source.array(), reads_context);
  if (!source.is_object()) return false;
  return std::ranges::any_of(source.object(), [](const JsonMember& member) {
    const bool is_own_key = member.value.is_string() && member.value.string() == "$flagd.flagKey";
    return (member.name == "var" && !is_own_key) || reads_context(member.value);
  });
}

Ranges constant_ranges(const std::string& variant) {
  return {{}, {{1, variant}}, 1};
}

// Walks both, boundary by boundary; boundaries are fractions end/total, compared crosswise.
MovedShare moved_between(const Ranges& before, const Ranges& after) {
  long double moved = 0;
  long double at = 0;
  size_t i = 0;
  size_t k = 0;
  while (i < before.ranges.size() && k < after.ranges.size()) {
    const auto& from = before.ranges[i];
    const auto& to = after.ranges[k];
    const uint64_t left = from.end * after.total;  // below 2^62
    const uint64_t right = to.end * before.total;
    const long double end =
        left <= right ? static_cast<long double>(from.end) / static_cast<long double>(before.total)
                      : static_cast<long double>(to.end) / static_cast<long double>(after.total);
    if (from.variant != to.variant) moved += end - at;
    at = end;
    if (left <= right) ++i;
    if (right <= left) ++k;
  }
  const auto ppm = static_cast<uint64_t>(moved * kEverybody + 1 - 1e-6L);  // rounded up
  return {static_cast<uint32_t>(std::min<uint64_t>(ppm, kEverybody)), true};
}

const JsonValue::Array* operands_of_if(const JsonValue& value) {
  if (!value.is_object() || value.object().size() != 1) return nullptr;
  const JsonMember& member = value.object().front();
  return member.name == "if" && member.value.is_array() ? &member.value.array() : nullptr;
}

MovedShare compare(const JsonValue& before, const JsonValue& after);

// condition, result, condition, result, …, [result]: users who reach a result reach the same one
// in both when all conditions are equal.
MovedShare compare_branches(const JsonValue::Array& before, const JsonValue::Array& after) {
  if (before.size() != after.size()) return kAtMostAll;
  MovedShare most = kNobody;
  for (size_t i = 0; i < before.size(); ++i) {
    const bool is_condition = i % 2 == 0 && i + 1 < before.size();
    if (is_condition) {
      if (!(before[i] == after[i])) return kAtMostAll;
      continue;
    }
    const MovedShare branch = compare(before[i], after[i]);
    most.ppm = std::max(most.ppm, branch.ppm);
  }
  most.exact = most.ppm == 0;
  return most;
}

// Depth is bounded by what a definition may have (kTargetingDepth).
MovedShare compare(const JsonValue& before, const JsonValue& after) {
  if (before == after) return kNobody;
  const auto* old_branches = operands_of_if(before);
  const auto* new_branches = operands_of_if(after);
  if (old_branches != nullptr && new_branches != nullptr) {
    return compare_branches(*old_branches, *new_branches);
  }
  const auto old_constant = constant_of(before);
  const auto new_constant = constant_of(after);
  auto old_ranges =
      old_constant ? std::optional(constant_ranges(*old_constant)) : fractional_of(before);
  auto new_ranges =
      new_constant ? std::optional(constant_ranges(*new_constant)) : fractional_of(after);
  if (!old_ranges || !new_ranges) return kAtMostAll;
  const bool same_source =
      old_constant || new_constant || old_ranges->source == new_ranges->source;
  if (!same_source) return kAtMostAll;
  // A source of its own may be absent, or the same for everybody.
  const JsonValue& source = old_constant ? new_ranges->source : old_ranges->source;
  const bool own_source = !source.is_null();
  if (own_source && (old_constant || new_constant || !reads_context(source))) return kAtMostAll;
  MovedShare moved = moved_between(*old_ranges, *new_ranges);
  if (own_source) moved.exact = moved.ppm == 0;
  return moved;
}

// The default variant's name in place of "none": what users without targeting get.
JsonValue named(const JsonValue& targeting, const FlagDefinition& flag) {
  if (!targeting.is_null() || !flag.default_variant) return targeting;
  return JsonValue(*flag.default_variant);
}

bool keeps_variants(const FlagDefinition& before, const FlagDefinition& after) {
  return std::ranges::all_of(before.variants, [&](const Variant& variant) {
    const auto index = after.variant_index(variant.name);
    return index && after.variants[*index].value == variant.value;
  });
}

}  // namespace

MovedShare moved_share(const FlagDefinition* before, const FlagDefinition* after) {
  if (before == nullptr) return kNobody;
  if (after == nullptr) return {kEverybody, true};
  if (before->state == FlagState::kDisabled && after->state == FlagState::kDisabled) return kNobody;
  const bool comparable = before->state == after->state && before->bucketing == after->bucketing &&
                          before->default_variant == after->default_variant &&
                          keeps_variants(*before, *after);
  if (!comparable) return kAtMostAll;
  return compare(named(before->targeting, *before), named(after->targeting, *after));
}

bool is_kill(const FlagDefinition& before, const FlagDefinition& after, bool any_variant) {
  if (after.state == FlagState::kDisabled) return true;
  if (!after.targeting.is_null() || !after.default_variant) return false;
  const auto old_index = before.variant_index(*after.default_variant);
  const auto new_index = after.variant_index(*after.default_variant);
  if (!old_index || !new_index ||
      !(before.variants[*old_index].value == after.variants[*new_index].value)) {
    return false;
  }
  return any_variant || before.default_variant == after.default_variant;
}

}  // namespace flagmesh::flags
