// Where an attempt sends its request to: an HTTP/1 connection, or a stream of an HTTP/2 one.
#pragma once

#include <cstddef>
#include <string_view>

#include "proxy/http/message.h"

namespace flagmesh::upstream {

struct Endpoint;

// Which of the two is one predictable branch, not a virtual call; the functions are at the end of upstream_connection.h. Valid until the
// attempt is over (UpstreamRequest) or cancelled.
class UpstreamChannel {
 public:
  UpstreamChannel(const UpstreamChannel&) = delete;
  UpstreamChannel& operator=(const UpstreamChannel&) = delete;

  bool is_http2() const { return http2_; }
  Endpoint& endpoint() { return endpoint_; }

  // `connection`: see http::encode_request(); not looked at in HTTP/2.
  void send_head(const http::RequestHead& head, std::string_view connection);
  void send_data(http::Framing framing, std::string_view data);
  void send_end(http::Framing framing, const http::HeaderList* trailers);
  // Bytes of an upgraded connection, and their end.
  void send_raw(std::string_view bytes);
  void shutdown_write();
  // Bytes that the endpoint has not taken.
  size_t waiting() const;
  void pause_reading();
  void resume_reading();
  // The owner gives the attempt up: no callback follows.
  void cancel();

 protected:
  UpstreamChannel(Endpoint& endpoint, bool http2) : endpoint_(endpoint), http2_(http2) {}
  ~UpstreamChannel() = default;

  Endpoint& endpoint_;
  const bool http2_;
};

}  // namespace flagmesh::upstream
