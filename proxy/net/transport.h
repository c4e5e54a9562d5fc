// The seam between a connection and what carries its bytes.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace flagmesh::net {

// What one read or write did. `bytes` > 0: so many; else `status` says why there are none.
struct IoResult {
  enum class Status : uint8_t { kOk, kAgain, kClosed, kError };
  Status status = Status::kOk;
  int error = 0;  // errno of kError
  size_t bytes = 0;
};

// A security layer over a socket (TLS). Clear text has none: Connection then calls the kernel itself, without a virtual call.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual IoResult read(int fd, std::span<char> into) = 0;
  virtual IoResult write(int fd, std::span<const iovec> parts) = 0;
};

}  // namespace flagmesh::net
