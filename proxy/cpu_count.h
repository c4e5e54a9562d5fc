#pragma once

#include <cstdint>

namespace flagmesh {

// How many workers `auto` means: the smaller of the CPU affinity and the cgroup's quota (v2 cpu.max, v1 cfs_quota_us, rounded up); at least 1.
uint32_t usable_cpus();

}  // namespace flagmesh
