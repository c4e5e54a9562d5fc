#include "control/flags/sugar.h"

#include <algorithm>

#include "control/flags/bucketing.h"
#include "control/flags/report.h"

namespace flagmesh::flags {

namespace {

std::vector<std::string> names_of(const FlagDefinition& flag) {
  std::vector<std::string> names;
  for (const Variant& variant : flag.variants) names.push_back(variant.name);
  return names;
}

bool check_entry(const JsonMember& entry, const FlagDefinition& flag, const std::string& file,
                 Diagnostics& out) {
  if (!flag.variant_index(entry.name)) {
    const std::string near = nearest(entry.name, names_of(flag));
    out.push_back(
        error_at(file, entry.mark, "flag '" + flag.key + "' has no variant '" + entry.name + "'",
                 near.empty() ? "name one of its variants" : "did you mean '" + near + "'?"));
    return false;
  }
  const auto weight = entry.value.integer();
  if (!weight || *weight < 0 || *weight > kMaxTotalWeight) {
    out.push_back(
        error_at(file, entry.value.mark(),
                 "the weight of '" + entry.name + "' is not a whole number from 0 to 2147483647",
                 "write a share like 25"));
    return false;
  }
  return true;
}

}  // namespace

JsonValue desugar_rollout(const JsonValue& rollout, const FlagDefinition& flag,
                          const std::string& file, Diagnostics& out) {
  if (!rollout.is_object()) {
    out.push_back(error_at(file, rollout.mark(), "'rollout' is not a map from variant to weight",
                           "write { \"on\": 25, \"off\": 75 }"));
    return {};
  }
  int64_t total = 0;
  for (const JsonMember& entry : rollout.object()) {
    if (!check_entry(entry, flag, file, out)) return {};
    total += *entry.value.integer();
  }
  if (total == 0 || total > kMaxTotalWeight) {
    out.push_back(error_at(
        file, rollout.mark(),
        total == 0 ? "all weights are 0" : "the weights add up to more than 2147483647",
        total == 0 ? "give one variant a weight" : "use smaller weights of the same proportion"));
    return {};
  }
  std::vector<std::string> order = names_of(flag);
  std::ranges::sort(order);
  if (flag.default_variant) {
    const auto found = std::ranges::find(order, *flag.default_variant);
    std::rotate(found, found + 1, order.end());
  }
  JsonValue::Array entries;
  for (const std::string& name : order) {
    const JsonValue* weight = rollout.find(name);
    entries.push_back(JsonValue(JsonValue::Array{name, weight == nullptr ? JsonValue(0) : *weight},
                                rollout.mark()));
  }
  return JsonValue(JsonValue::Object{{"fractional", JsonValue(std::move(entries), rollout.mark()),
                                      rollout.mark()}},
                   rollout.mark());
}

}  // namespace flagmesh::flags
