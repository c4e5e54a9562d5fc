#include "proxy/base/output.h"

#include <algorithm>

namespace flagmesh {

size_t Output::gather(std::span<iovec> iov) const {
  const size_t count = std::min(iov.size(), parts_.size());
  for (size_t i = 0; i < count; ++i) {
    iov[i] = {const_cast<char*>(address(parts_[i])), parts_[i].size};
  }
  return count;
}

}  // namespace flagmesh
