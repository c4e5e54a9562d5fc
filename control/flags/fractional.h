// The rules of one entry of a `fractional`, the same for entries that are constants and for those
// that are computed.
#pragma once

#include <cstdint>
#include <optional>

#include "control/flags/value.h"

namespace flagmesh::flags {

// The weight of an entry: 1 when it names none (or null), a negative one counts as 0. Nothing when
// the entry spoils the whole `fractional` (which then yields null): not a list, empty, a variant
// that is a list or an object, a weight that is no whole number or is above 2^31-1.
std::optional<uint32_t> entry_weight(const Value& entry) noexcept;

}  // namespace flagmesh::flags
