// One descriptor that is kept free, so that clients can be told that there is none left.
#pragma once

namespace flagmesh::net {

// On one thread; others may take the place while it is spent.
class DescriptorReserve {
 public:
  DescriptorReserve();
  DescriptorReserve(const DescriptorReserve&) = delete;
  DescriptorReserve& operator=(const DescriptorReserve&) = delete;
  ~DescriptorReserve();

  // The next descriptor that this process makes finds its place. False: there is none at the
  // moment.
  bool spend();
  // After that one was closed.
  void refill();

 private:
  int fd_ = -1;
};

}  // namespace flagmesh::net
