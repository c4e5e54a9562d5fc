#include "proxy/net/descriptor_reserve.h"

#include <fcntl.h>
#include <unistd.h>

namespace flagmesh::net {

DescriptorReserve::DescriptorReserve() {
  refill();
}

DescriptorReserve::~DescriptorReserve() {
  if (fd_ >= 0) close(fd_);
}

bool DescriptorReserve::spend() {
  if (fd_ < 0) refill();
  if (fd_ < 0) return false;
  close(fd_);
  fd_ = -1;
  return true;
}

void DescriptorReserve::refill() {
  if (fd_ < 0) fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace flagmesh::net
