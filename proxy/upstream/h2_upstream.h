// One HTTP/2 connection to an endpoint, carrying many requests at a time.
#pragma once

#include <cstdint>

#include "proxy/event/deferred_delete.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"
#include "proxy/http/h2_connection.h"
#include "proxy/net/connection.h"
#include "proxy/upstream/upstream_channel.h"
#include "proxy/upstream/upstream_request.h"

namespace flagmesh::upstream {

class Container;
class H2UpstreamConnection;

// One attempt. Made by H2UpstreamConnection::attach(), in the worker's H2Memory; stays until the codec lets go of it, which may be after
// the attempt is over.
class H2UpstreamStream final : public UpstreamChannel, public http::H2Stream {
 public:
  H2UpstreamStream(H2UpstreamConnection& connection, Endpoint& endpoint, UpstreamRequest& request);

  void send_head(const http::RequestHead& head);
  void send_data(std::string_view data);
  void send_end(const http::HeaderList* trailers);
  size_t waiting() const { return H2Stream::waiting(); }
  void pause_reading() { paused_ = true; }
  void resume_reading();
  void cancel();

 private:
  friend class H2UpstreamConnection;

  H2UpstreamConnection& connection_;
  UpstreamRequest* request_;  // null: the attempt is over
  const http::RequestHead* late_head_ = nullptr;  // a WebSocket's that waits for the peer's settings
  H2UpstreamStream* next_ = nullptr;
  H2UpstreamStream* previous_ = nullptr;
  bool paused_ = false;
  bool tunnel_ = false;
  http::ResponseHead head_;
  http::HeaderList trailer_list_;
};

// Owned by itself, linked from its Endpoint while it takes further requests; deletes itself through the loop's deleter after close. Holds
// one place of max_connections and a reference to its container.
class H2UpstreamConnection final : public event::DeferredDeletable,
                                   private net::ConnectionHandler,
                                   private net::FlushTask,
                                   private event::TurnTask,
                                   private http::H2Events {
 public:
  H2UpstreamConnection(Container& container, Endpoint& endpoint);
  ~H2UpstreamConnection() override;

  Status connect();
  // Takes over a connection that is open. False when that failed: it is closed.
  bool adopt(net::Connection::Detached socket);
  // Another request may begin on it: within the peer's limit, and the peer has not said goodbye.
  bool has_room() const;
  bool connecting() const { return connecting_; }
  // REQUIRES: has_room(). While connecting() the request hears on_ready() or on_failure().
  H2UpstreamStream& attach(UpstreamRequest& request);
  // No further requests; closes when the last one is done.
  void retire();
  bool idle() const { return live_ == 0; }

 private:
  friend class Container;
  friend class H2UpstreamStream;

  void on_connected() override;
  size_t on_bytes(std::string_view bytes) override;
  void on_close(net::CloseCause cause, int error) override;
  void on_write_ready() override;
  void before_flush() override;
  void on_turn() override { ask_flush(); }

  void on_interim(http::H2Stream& stream) override;
  void on_head(http::H2Stream& stream, bool end) override;
  void on_data(http::H2Stream& stream, std::string_view data) override;
  void on_trailers(http::H2Stream& stream) override;
  void on_end(http::H2Stream& stream) override;
  void on_drained(http::H2Stream& stream) override;
  void on_closed(http::H2Stream& stream) override;
  void on_goaway() override { retire(); }
  void on_settings() override;

  void ask_flush();
  void write_now();
  void on_timer();
  void finish(H2UpstreamStream& stream);
  void fail(H2UpstreamStream& stream, Failure failure);
  void release(H2UpstreamStream& stream);
  void fail_all(Failure connecting, bool clean);
  Failure failure_of(const H2UpstreamStream& stream) const;
  void look_idle();
  void unlink();
  void dispose();

  Container& container_;
  Endpoint& endpoint_;
  net::Connection connection_;
  event::Timer timer_;  // connecting: give up; idle: close
  H2UpstreamStream* first_ = nullptr;
  H2UpstreamConnection* next_ = nullptr;  // of the endpoint's list
  H2UpstreamConnection* previous_ = nullptr;
  uint32_t streams_ = 0;  // the codec's, which may outlive their attempts
  uint32_t live_ = 0;     // attempts
  uint64_t answered_ = 0;
  bool connecting_ = true;
  bool linked_ = false;
  bool settings_ = false;  // the peer's came
  bool closed_ = false;
  bool failed_early_ = false;  // some stream could not be sent
  http::H2Connection codec_;
};

}  // namespace flagmesh::upstream
