#include "control/flags/variant_set.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <string>
#include <unordered_map>

#include "control/flags/canonical_json.h"

namespace flagmesh::flags {

namespace {

// Of sets that are remembered: larger ones are seldom the same, and the table must not outgrow what
// it saves.
constexpr size_t kSharedVariants = 8;
constexpr size_t kSharedBytes = 256;
constexpr size_t kSharedSets = 4096;

struct Table {
  std::mutex mutex;
  std::unordered_map<std::string, std::weak_ptr<const VariantSet>> sets;
};

Table& table() {
  static Table* const table = new Table();  // flags may outlive main()
  return *table;
}

// What tells one set from another; empty: not worth sharing.
std::string identity(const std::vector<Variant>& variants) {
  std::string text;
  if (variants.size() > kSharedVariants) return text;
  for (const Variant& variant : variants) {
    append_json_string(variant.name, text);
    append_canonical_json(variant.value, text);
    if (text.size() > kSharedBytes) return {};
  }
  return text;
}

}  // namespace

VariantSet::VariantSet(const std::vector<Variant>& variants)
    : list_(variants), by_name_(variants.size()) {
  std::iota(by_name_.begin(), by_name_.end(), 0U);
  std::ranges::sort(by_name_, {}, [&](uint32_t i) { return std::string_view(list_[i].name); });
}

std::optional<uint32_t> VariantSet::find(std::string_view name) const noexcept {
  const auto found = std::ranges::lower_bound(
      by_name_, name, {}, [&](uint32_t i) { return std::string_view(list_[i].name); });
  if (found == by_name_.end() || list_[*found].name != name) return std::nullopt;
  return *found;
}

std::shared_ptr<const VariantSet> VariantSet::shared(const std::vector<Variant>& variants) {
  std::string key = identity(variants);
  if (key.empty()) return std::make_shared<const VariantSet>(variants);
  const std::lock_guard lock(table().mutex);
  auto& sets = table().sets;
  const auto known = sets.find(key);
  if (known != sets.end()) {
    if (auto set = known->second.lock()) return set;
  }
  if (sets.size() >= kSharedSets) {
    std::erase_if(sets, [](const auto& entry) { return entry.second.expired(); });
  }
  auto made = std::make_shared<const VariantSet>(variants);
  if (sets.size() < kSharedSets) sets.insert_or_assign(std::move(key), made);
  return made;
}

}  // namespace flagmesh::flags
