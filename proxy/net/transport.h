// The seam between a connection and what carries its bytes.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace flagmesh::net {

struct TlsInfo;

// What one read or write did. `bytes` > 0: so many; else `status` says why there are none.
struct IoResult {
  enum class Status : uint8_t { kOk, kAgain, kClosed, kError };
  Status status = Status::kOk;
  // kError: errno, or a TlsFailure as a negative number (tls_failure.h). kClosed: not 0 when the security layer was not told of the end,
  // so that somebody else may have cut the stream.
  int error = 0;
  size_t bytes = 0;
  bool drained = false;  // of a security layer's read: nothing is left to be read until the socket becomes readable again
};

// A security layer over a socket (TLS). Clear text has none: Connection then calls the kernel itself, without a virtual call. Used by one
// connection at a time, on one thread.
class Transport {
 public:
  virtual ~Transport() = default;
  // Goes on with the handshake: kOk when it is done, kAgain when the peer has to say something first. Whatever the layer wanted to say,
  // an alert too, was sent or is unsent().
  virtual IoResult handshake(int fd) = 0;
  // After the handshake. Reading may make the layer say something: see unsent().
  virtual IoResult read(int fd, std::span<char> into) = 0;
  // What was taken (`bytes`) must not be written again, but may be unsent(). An empty `parts` sends what is unsent: kAgain while the
  // kernel does not take all of it.
  virtual IoResult write(int fd, std::span<const iovec> parts) = 0;
  // Protected bytes that the kernel has not taken; while there are some, the connection waits for writability.
  virtual size_t unsent() const = 0;
  // Bytes may be had without the socket becoming readable.
  virtual bool may_read() const = 0;
  // Bytes that were read from the socket before this layer got it come first.
  virtual void unread(std::string_view bytes) = 0;
  // Tells the peer that nothing follows (close_notify), as far as the kernel takes it at once.
  virtual void shutdown(int fd) = 0;
  // What the handshake has shown; null for a layer that shows nothing. REQUIRES: the handshake is done.
  virtual std::unique_ptr<TlsInfo> take_info() = 0;
};

}  // namespace flagmesh::net
