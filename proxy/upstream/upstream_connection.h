// One HTTP/1 connection to an endpoint: idle in a pool, or carrying one request.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/event/deferred_delete.h"
#include "proxy/event/timer.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"
#include "proxy/net/connection.h"
#include "proxy/upstream/h2_upstream.h"
#include "proxy/upstream/upstream_channel.h"
#include "proxy/upstream/upstream_request.h"

namespace flagmesh::upstream {

class Container;
struct Endpoint;

// Owned by its Endpoint's list; lives on the worker's thread; deletes itself through the loop's deleter after close.
class UpstreamConnection final : public UpstreamChannel, public event::DeferredDeletable, private net::ConnectionHandler {
 public:
  UpstreamConnection(Container& container, Endpoint& endpoint);
  ~UpstreamConnection() override;

  Status connect(UpstreamRequest& request);

  // Sending. The head is encoded at once; body pieces follow as they come. `connection`: see http::encode_request.
  void send_head(const http::RequestHead& head, std::string_view connection);
  void send_data(http::Framing framing, std::string_view data) {
    http::encode_data(framing, data, connection_.output());
  }
  void send_end(http::Framing framing, const http::HeaderList* trailers) {
    http::encode_end(framing, trailers, connection_.output());
    request_sent_ = true;
  }
  void send_raw(std::string_view bytes) { connection_.output().borrow(bytes); }
  void shutdown_write() { connection_.shutdown_write(); }
  // Bytes that the endpoint has not taken.
  size_t waiting() const { return connection_.waiting(); }

  void pause_reading() { connection_.pause(net::Connection::kPauseBackpressure); }
  void resume_reading() { connection_.resume(net::Connection::kPauseBackpressure); }

  // The owner gives the attempt up: the connection is closed, no callback follows.
  void cancel();

  // Carried a request before the one it carries now.
  bool reused() const { return uses_ > 1; }

 private:
  friend class Container;
  enum class State : uint8_t { kConnecting, kIdle, kBusy, kTunnel, kClosed };

  void attach(UpstreamRequest& request);
  void on_connected() override;
  size_t on_bytes(std::string_view bytes) override;
  void on_close(net::CloseCause cause, int error) override;
  void on_write_ready() override;
  void on_timer();
  void message_ended();
  void fail(Failure failure);
  void dispose();

  Container& container_;
  net::Connection connection_;
  event::Timer timer_;  // connecting: give up; idle: close
  http::H1ResponseDecoder decoder_;
  UpstreamRequest* request_ = nullptr;
  UpstreamConnection* idle_next_ = nullptr;
  UpstreamConnection* idle_previous_ = nullptr;
  UpstreamConnection* all_next_ = nullptr;
  UpstreamConnection* all_previous_ = nullptr;
  uint32_t uses_ = 0;
  State state_ = State::kConnecting;
  bool request_sent_ = false;
  bool got_byte_ = false;
  bool got_head_ = false;
  bool reusable_ = true;
  bool upgrade_ = false;
};

// --- UpstreamChannel: which of the two ---------------------------------------------------------------------------------

inline void UpstreamChannel::send_head(const http::RequestHead& head, std::string_view connection) {
  if (http2_) [[unlikely]] {
    static_cast<H2UpstreamStream*>(this)->send_head(head);
    return;
  }
  static_cast<UpstreamConnection*>(this)->send_head(head, connection);
}
inline void UpstreamChannel::send_data(http::Framing framing, std::string_view data) {
  if (http2_) [[unlikely]] {
    static_cast<H2UpstreamStream*>(this)->send_data(data);
    return;
  }
  static_cast<UpstreamConnection*>(this)->send_data(framing, data);
}
inline void UpstreamChannel::send_end(http::Framing framing, const http::HeaderList* trailers) {
  if (http2_) [[unlikely]] {
    static_cast<H2UpstreamStream*>(this)->send_end(trailers);
    return;
  }
  static_cast<UpstreamConnection*>(this)->send_end(framing, trailers);
}
inline void UpstreamChannel::send_raw(std::string_view bytes) {
  if (http2_) [[unlikely]] {
    static_cast<H2UpstreamStream*>(this)->send_data(bytes);
    return;
  }
  static_cast<UpstreamConnection*>(this)->send_raw(bytes);
}
inline void UpstreamChannel::shutdown_write() {
  if (http2_) [[unlikely]] {
    static_cast<H2UpstreamStream*>(this)->send_end(nullptr);
    return;
  }
  static_cast<UpstreamConnection*>(this)->shutdown_write();
}
inline size_t UpstreamChannel::waiting() const {
  if (http2_) [[unlikely]] {
    return static_cast<const H2UpstreamStream*>(this)->waiting();
  }
  return static_cast<const UpstreamConnection*>(this)->waiting();
}
inline void UpstreamChannel::pause_reading() {
  if (http2_) [[unlikely]] {
    static_cast<H2UpstreamStream*>(this)->pause_reading();
    return;
  }
  static_cast<UpstreamConnection*>(this)->pause_reading();
}
inline void UpstreamChannel::resume_reading() {
  if (http2_) [[unlikely]] {
    static_cast<H2UpstreamStream*>(this)->resume_reading();
    return;
  }
  static_cast<UpstreamConnection*>(this)->resume_reading();
}
inline void UpstreamChannel::cancel() {
  if (http2_) [[unlikely]] {
    static_cast<H2UpstreamStream*>(this)->cancel();
    return;
  }
  static_cast<UpstreamConnection*>(this)->cancel();
}

}  // namespace flagmesh::upstream
