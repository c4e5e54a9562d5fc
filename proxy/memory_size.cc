#include "proxy/memory_size.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace flagmesh {

namespace {

// "max" where there is none, and a huge number in version 1.
uint64_t cgroup_limit() {
  for (const char* file :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    uint64_t limit = 0;
    if (std::ifstream(file) >> limit) return limit;
  }
  return UINT64_MAX;
}

}  // namespace

uint64_t usable_memory() {
  const auto pages = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES));
  return std::min(pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)), cgroup_limit());
}

}  // namespace flagmesh
