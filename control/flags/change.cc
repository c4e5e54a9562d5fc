#include "control/flags/change.h"

#include <algorithm>
#include <span>

#include "control/flags/bucketing.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

namespace {

using Fractionals = std::vector<const JsonValue*>;  // the operands

void find_fractionals(const JsonValue& value, Fractionals& found) {
  if (value.is_array()) {
    for (const JsonValue& item : value.array()) find_fractionals(item, found);
  }
  if (!value.is_object()) return;
  // Only an object of one member is an operation.
  if (value.object().size() == 1 && value.object().front().name == "fractional")
    found.push_back(&value.object().front().value);
  for (const JsonMember& member : value.object()) find_fractionals(member.value, found);
}

// What its definition says; prerequisites are put in later.
const JsonValue& targeting_of(const FlagDefinition& flag) {
  return flag.prerequisites.empty() ? flag.targeting : flag.own_targeting;
}

Result<const JsonValue*> only_fractional(const FlagDefinition& flag) {
  Fractionals found;
  find_fractionals(targeting_of(flag), found);
  if (found.empty()) {
    return fail("no_fractional",
                "flag '" + flag.key + "' has no 'fractional' whose weights could change", {},
                "give it a rollout in its definition first");
  }
  if (found.size() > 1) {
    return fail("several_fractionals",
                "flag '" + flag.key + "' has " + std::to_string(found.size()) + " 'fractional's",
                {}, "change its definition instead");
  }
  return found.front();
}

std::unexpected<Error> computed(const FlagDefinition& flag) {
  return fail("computed_fractional",
              "the 'fractional' of flag '" + flag.key +
                  "' names variants or weights by logic or one variant twice",
              {}, "change its definition instead");
}

// Where the entries begin: behind the key source, when there is one (anything but a list).
size_t first_entry(const JsonValue::Array& operands) {
  return !operands.empty() && !operands.front().is_array() ? 1 : 0;
}

Result<Weights> entries_of(const FlagDefinition& flag, const JsonValue& operand) {
  if (!operand.is_array()) return computed(flag);
  const JsonValue::Array& items = operand.array();
  Weights weights;
  for (size_t i = first_entry(items); i < items.size(); ++i) {
    if (!items[i].is_array()) return computed(flag);
    const JsonValue::Array& entry = items[i].array();
    if (entry.empty() || entry.size() > 2 || !entry[0].is_string()) return computed(flag);
    const auto weight = entry.size() == 2 ? entry[1].integer() : std::optional<int64_t>(1);
    if (!weight) return computed(flag);
    const std::string& name = entry[0].string();
    if (std::ranges::find(weights, name, &Weights::value_type::first) != weights.end())
      return computed(flag);
    weights.emplace_back(name, *weight);
  }
  return weights;
}

Status check_weights(const Weights& weights) {
  int64_t total = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto& [name, weight] = weights[i];
    if (weight < 0 || weight > kMaxTotalWeight)
      return fail("bad_weights", "the weight of '" + name + "' is not from 0 to 2147483647");
    const auto before = std::span(weights).first(i);
    if (std::ranges::find(before, name, &Weights::value_type::first) != before.end()) {
      return fail("bad_weights", "variant '" + name + "' is named twice");
    }
    total += weight;
  }
  if (total == 0)
    return fail("bad_weights", "all weights are 0", {},
                "give one variant a weight, or use the kill switch");
  if (total > kMaxTotalWeight)
    return fail("bad_weights", "the weights add up to more than 2147483647", {},
                "use smaller weights of the same proportion");
  return {};
}

JsonValue with_weights(const JsonValue& operand, const Weights& weights) {
  JsonValue::Array items;
  const JsonValue::Array& old = operand.array();
  for (size_t i = 0; i < old.size(); ++i) {
    if (i < first_entry(old)) {
      items.push_back(old[i]);
      continue;
    }
    const JsonValue& name = old[i].array().front();
    const auto found = std::ranges::find(weights, name.string(), &Weights::value_type::first);
    const int64_t weight = found == weights.end() ? 0 : found->second;
    items.push_back(JsonValue::Array{name, static_cast<double>(weight)});
  }
  return items;
}

// The tree with one node (by address) replaced.
JsonValue replace(const JsonValue& value, const JsonValue* node, const JsonValue& by) {
  if (&value == node) return by;
  if (value.is_array()) {
    JsonValue::Array items;
    for (const JsonValue& item : value.array()) items.push_back(replace(item, node, by));
    return JsonValue(std::move(items), value.mark());
  }
  if (value.is_object()) {
    JsonValue::Object members;
    for (const JsonMember& member : value.object())
      members.push_back({member.name, replace(member.value, node, by), member.mark});
    return JsonValue(std::move(members), value.mark());
  }
  return value;
}

std::unexpected<Error> unknown_variant(const FlagDefinition& flag, std::string_view name,
                                       const std::vector<std::string>& names) {
  const std::string near = nearest(std::string(name), names);
  return fail("unknown_variant",
              "flag '" + flag.key + "' has no variant '" + std::string(name) + "' to serve", {},
              near.empty() ? std::string() : "did you mean '" + near + "'?");
}

}  // namespace

Result<Weights> rollout_of(const FlagDefinition& flag) {
  const auto operand = only_fractional(flag);
  if (!operand) return std::unexpected(operand.error());
  return entries_of(flag, **operand);
}

Result<FlagDefinition> set_rollout(const FlagDefinition& flag, const Weights& weights) {
  const auto operand = only_fractional(flag);
  if (!operand) return std::unexpected(operand.error());
  const auto present = entries_of(flag, **operand);
  if (!present) return std::unexpected(present.error());
  if (auto ok = check_weights(weights); !ok) return std::unexpected(ok.error());
  for (const auto& [name, weight] : weights) {
    if (std::ranges::find(*present, name, &Weights::value_type::first) != present->end()) continue;
    std::vector<std::string> names;
    for (const auto& entry : *present) names.push_back(entry.first);
    return unknown_variant(flag, name, names);
  }
  FlagDefinition changed = flag;
  JsonValue& targeting = flag.prerequisites.empty() ? changed.targeting : changed.own_targeting;
  targeting = replace(targeting_of(flag), *operand, with_weights(**operand, weights));
  return changed;
}

Result<FlagDefinition> set_enabled(const FlagDefinition& flag, bool enabled) {
  FlagDefinition changed = flag;
  changed.state = enabled ? FlagState::kEnabled : FlagState::kDisabled;
  return changed;
}

Result<FlagDefinition> kill(const FlagDefinition& flag, std::string_view variant) {
  if (!flag.variant_index(variant)) {
    std::vector<std::string> names;
    for (const Variant& v : flag.variants) names.push_back(v.name);
    return unknown_variant(flag, variant, names);
  }
  FlagDefinition changed = flag;
  changed.state = FlagState::kEnabled;
  changed.default_variant = std::string(variant);
  changed.targeting = {};
  changed.prerequisites.clear();
  changed.own_targeting = {};
  return changed;
}

}  // namespace flagmesh::flags
