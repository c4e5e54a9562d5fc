#include "proxy/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace flagmesh {

namespace {

// CPUs that the quota allows; 0 when there is none.
uint32_t cgroup_quota() {
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2) {
    std::string quota;
    double period = 0;
    if (v2 >> quota >> period && quota != "max" && period > 0) {
      return static_cast<uint32_t>(std::ceil(std::stod(quota) / period));
    }
    return 0;
  }
  double quota = 0;
  double period = 0;
  if (std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota && quota > 0 &&
      std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period && period > 0) {
    return static_cast<uint32_t>(std::ceil(quota / period));
  }
  return 0;
}

}  // namespace

uint32_t usable_cpus() {
  cpu_set_t set;
  uint32_t count = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = static_cast<uint32_t>(CPU_COUNT(&set));
  if (const uint32_t quota = cgroup_quota(); quota != 0) count = std::min(count, quota);
  return std::max(1U, count);
}

}  // namespace flagmesh
