#include "proxy/base/output.h"

#include <algorithm>

namespace flagmesh {

void Output::commit_part(size_t bytes) {
  if (parts_.back().borrowed != nullptr) parts_.push_back({nullptr, 0, copied_});
  parts_.back().size += bytes;
}

size_t Output::gather_parts(std::span<iovec> iov) const {
  const size_t count = std::min(iov.size(), parts_.size());
  for (size_t i = 0; i < count; ++i) {
    iov[i] = {const_cast<char*>(address(parts_[i])), parts_[i].size};
  }
  return count;
}

}  // namespace flagmesh
