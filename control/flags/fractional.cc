#include "control/flags/fractional.h"

#include <algorithm>
#include <cmath>

#include "control/flags/bucketing.h"

namespace flagmesh::flags {

std::optional<uint32_t> entry_weight(const Value& entry) noexcept {
  if (!entry.is_list() || entry.size() == 0) return std::nullopt;
  const Value variant = entry.at(0);
  if (variant.is_list() || variant.is_object()) return std::nullopt;
  if (entry.size() < 2) return 1;
  const Value weight = entry.at(1);
  if (weight.is_null()) return 1;
  if (!weight.is_number()) return std::nullopt;
  const double number = weight.number();
  if (number != std::trunc(number) || number > static_cast<double>(kMaxTotalWeight))
    return std::nullopt;
  return static_cast<uint32_t>(std::max(0.0, number));
}

}  // namespace flagmesh::flags
