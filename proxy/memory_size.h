#pragma once

#include <cstdint>

namespace flagmesh {

// Bytes of memory that this process may use: the machine's, or the cgroup's limit when that is
// less.
uint64_t usable_memory();

}  // namespace flagmesh
