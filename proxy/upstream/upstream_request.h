// One attempt to get an answer from one endpoint, as its owner (the forwarder) sees it.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/message.h"

namespace flagmesh::upstream {

class UpstreamChannel;

enum class Failure : uint8_t {
  kConnect,        // no connection: nothing was sent, every method may be tried again
  kConnectTimeout,
  kOverflow,       // max_pending reached, or no endpoint
  kNoDescriptor,   // this process has too many open files; nothing was sent
  kStale,          // a reused connection was closed by the peer before a byte of the answer
  kReset,          // broke before the response head
  kProtocol,       // the answer is not HTTP as RFC 9112 has it
  kTruncated,      // broke after the response head
  kUnprocessed,    // HTTP/2: the peer says that it has not looked at the request; every method may be tried again
  // No connection because of TLS; as kConnect otherwise.
  kTlsHandshake,
  kTlsUnknownCa,
  kTlsExpired,
  kTlsName,
  kTlsCertificate,
};

// Implemented by the forwarder. All calls come on the worker's thread, none inside acquire(). After on_failure() or on_end() the attempt
// is over and the connection is not the owner's any more.
class UpstreamRequest {
 public:
  // A queued attempt left the queue: `channel` is being opened for it and cancels with UpstreamChannel::cancel() from now on.
  virtual void on_connecting(UpstreamChannel& channel) = 0;
  // A pending attempt got its connection: send the request now.
  virtual void on_ready(UpstreamChannel& channel) = 0;
  virtual void on_interim(const http::ResponseHead& head) = 0;
  // `head` points into arena(); so does what it names.
  virtual void on_head(http::ResponseHead& head) = 0;
  virtual void on_data(std::string_view data) = 0;
  virtual void on_trailers(http::HeaderList& trailers) = 0;
  virtual void on_end() = 0;
  virtual void on_failure(Failure failure) = 0;
  // The endpoint takes bytes again after a wait.
  virtual void on_write_ready() = 0;
  // Bytes of an upgraded connection (after a 101).
  virtual void on_tunnel_data(std::string_view data) = 0;

  // Where response heads are parsed into.
  virtual Arena& arena() = 0;

  // Links of the container's queue of pending attempts; null when not queued.
  UpstreamRequest* queue_next = nullptr;
  UpstreamRequest* queue_previous = nullptr;
  bool queued = false;

 protected:
  ~UpstreamRequest() = default;
};

}  // namespace flagmesh::upstream
