// One request and its response, from the head to Stream::finish(): the only way out, on every path.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/message.h"
#include "proxy/stream/change_watch.h"
#include "proxy/stream/client_identity.h"
#include "proxy/stream/forward.h"
#include "proxy/stream/handler.h"
#include "proxy/stream/local_error.h"
#include "proxy/stream/route_decision.h"
#include "proxy/stream/session.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh::stream {

// What local handlers keep with a stream; made on first use.
struct LocalState {
  std::string body;
  std::shared_ptr<Stream*> handle;  // what LocalReply holds; set to null when the stream ends
};

// Recycled by the worker (WorkerContext::take_stream); used by one session at a time, on the worker's thread. After finish() nothing of the
// request may be touched: the caller returns at once.
class Stream {
 public:
  explicit Stream(WorkerContext& worker);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // --- For the session: the request as it comes ---
  Arena& arena() { return arena_; }
  http::RequestHead& request() { return request_; }
  http::HeaderList& trailers() { return trailers_; }
  // The head is in request(). `end`: no body follows.
  void begin(Session& session, bool end);
  // The same for a request that is refused before anybody looks at it.
  void begin_denied(Session& session, bool end, const LocalError& error);
  // The bytes were no request: answers with the error; request() may hold anything but is not read.
  void begin_refused(Session& session, const LocalError& error);
  // The same for a request that gets no answer but a reset: it is counted and logged.
  void begin_reset(Session& session, const LocalError& error);
  // It never began: nothing is logged. The worker has it back when this returns.
  void forget();
  // For the session's own use; nobody else looks at it.
  SessionStream* session_stream() const { return session_stream_; }
  void set_session_stream(SessionStream* own) { session_stream_ = own; }
  void request_data(std::string_view data);
  void request_trailers_came();
  void request_end();
  void tunnel_data(std::string_view data) { handler_->on_tunnel_data(*this, data); }
  // The request broke in its body, or its body did not come in time.
  void request_failed(const LocalError& error);
  // The client has gone, or does not take the response.
  void client_gone(std::string_view reason);
  void client_drained() {
    if (handler_ != nullptr) handler_->on_drained(*this);
  }

  // --- For filters and handlers ---
  WorkerContext& worker() { return worker_; }
  const Session& session() const { return *session_; }
  // Who asked, as far as the listener believes what it is told.
  const ClientIdentity& client() const { return client_; }
  RouteDecision& decision() { return decision_; }
  const snapshot::Snapshot& snapshot() const { return snapshot_->get(); }
  WorkerSnapshot& worker_snapshot() { return *snapshot_; }
  Forward& forward() { return forward_; }
  LocalState& local_state();
  MonoMs now_ms() const { return worker_.io.loop().now_ms(); }
  // Trailers of the request, or null when it had none.
  const http::HeaderList* request_trailers() const { return has_trailers_ ? &trailers_ : nullptr; }
  std::string_view request_id() const { return request_id_; }
  void set_request_id(std::string_view id) { request_id_ = id; }
  std::string_view targeting_key() const { return targeting_key_; }
  void set_targeting_key(std::string_view key) { targeting_key_ = key; }

  void respond_interim(const http::ResponseHead& head);
  // The final head. The response ends with respond_end(), which is always called.
  void respond(http::ResponseHead& head);
  void respond_data(std::string_view data);
  void respond_trailers(http::HeaderList& trailers);
  void respond_end();
  // A whole response of our own. `reason` as in the error table; when a response has begun already it is broken off instead.
  void local_reply(const LocalError& error);
  void local_response(uint16_t status, std::string_view content_type, std::string_view body,
                      const http::HeaderList* more);
  void start_tunnel();
  void send_tunnel_data(std::string_view data);
  void break_off_response();
  void pause_request() { session_->pause_request(*this); }
  void resume_request() { session_->resume_request(*this); }
  size_t downstream_waiting() const { return session_->waiting(*this); }

  // The user would get another variant now: ends a tunnel or a response that is under way in `grace` ms.
  void variant_changed(MonoMs grace);
  WatchLink& watch_link() { return watch_; }
  void set_reason(std::string_view reason) { reason_ = reason; }

  bool responded() const { return status_ != 0; }
  bool request_complete() const { return request_complete_; }
  bool tunnel() const { return tunnel_; }
  bool must_close() const { return must_close_; }

  // --- For the log ---
  struct Facts {
    uint16_t status;
    std::string_view reason;  // of a local reply or an abort
    uint64_t bytes_in;
    uint64_t bytes_out;
    int64_t started_unix_ms;
    MonoMs duration_ms;
  };
  Facts facts() const;
  const RouteDecision& decision() const { return decision_; }
  const http::RequestHead& request() const { return request_; }
  const Forward& forward() const { return forward_; }

 private:
  void start(Session& session);
  bool route();
  void add_decision_fields(http::ResponseHead& head);
  void set_sticky_cookie(http::ResponseHead& head);
  void release_snapshot();
  void count_response();
  void finish(bool reusable);

  WorkerContext& worker_;
  Arena arena_;
  Session* session_ = nullptr;
  SessionStream* session_stream_ = nullptr;
  Handler* handler_ = nullptr;  // null before routing and after it was told of an abort
  WorkerSnapshot* snapshot_ = nullptr;
  http::RequestHead request_;
  http::HeaderList trailers_;
  RouteDecision decision_;
  Forward forward_;
  std::unique_ptr<LocalState> local_;
  ClientIdentity client_;
  std::string_view reason_;
  std::string_view request_id_;
  std::string_view targeting_key_;
  uint64_t body_limit_ = 0;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  MonoMs started_ms_ = 0;
  uint16_t status_ = 0;
  bool request_complete_ = false;
  bool has_trailers_ = false;
  bool has_response_trailers_ = false;
  bool tunnel_ = false;
  bool must_close_ = false;
  http::HeaderList response_trailers_;
  WatchLink watch_;
};

}  // namespace flagmesh::stream
