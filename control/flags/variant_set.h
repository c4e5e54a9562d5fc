// The variants of a flag, found by name; shared by the flags that have the same ones.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "control/flags/model.h"

namespace flagmesh::flags {

// Immutable; any thread.
class VariantSet {
 public:
  explicit VariantSet(const std::vector<Variant>& variants);

  // In the definition's order.
  const std::vector<Variant>& list() const { return list_; }
  std::optional<uint32_t> find(std::string_view name) const noexcept;

  // One that says the same, if there is one: most flags are on or off. Any thread; not for the
  // request path.
  static std::shared_ptr<const VariantSet> shared(const std::vector<Variant>& variants);

 private:
  std::vector<Variant> list_;
  std::vector<uint32_t> by_name_;  // indices of list_, sorted by name
};

}  // namespace flagmesh::flags
