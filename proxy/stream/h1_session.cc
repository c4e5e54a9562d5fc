#include "proxy/stream/h1_session.h"

#include <unistd.h>

#include "proxy/limits.h"
#include "proxy/net/proxy_protocol.h"
#include "proxy/stream/h2_session.h"
#include "proxy/stream/local_error.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

constexpr std::string_view kPrefaceLine = http::kH2Preface.substr(0, 16);  // "PRI * HTTP/2.0" and its end

}  // namespace

// --- Life --------------------------------------------------------------------------------------------------------------

H1Session::H1Session(WorkerContext& worker, SessionList& list, Peer peer)
    : worker_(worker),
      list_(list),
      connection_(worker.io, *this),
      decoder_(worker.limits),
      timer_([](void* self) { static_cast<H1Session*>(self)->on_timer(); }, this),
      peer_(std::move(peer)),
      opened_ms_(worker.io.loop().now_ms()) {
  list_.add(*this);
  worker_.stats.connections.add();
}

H1Session::~H1Session() {
  list_.remove(*this);
  worker_.stats.connections.sub();
}

void H1Session::start(WorkerContext& worker, SessionList& list, const ListenerRef& listener, int fd,
                      const net::Address& peer) {
  worker.stats.connections_accepted.add();
  if (listener->proxy_protocol && !listener->is_trusted_proxy(peer)) {
    worker.stats.connections_refused.add();
    ::close(fd);
    return;
  }
  std::unique_ptr<H1Session> session(new H1Session(worker, list, Peer(peer, listener)));
  if (!session->peer_.place.take(worker, *listener)) {
    ::close(fd);
    return;
  }
  session->awaits_proxy_header_ = listener->proxy_protocol;
  session->connection_.be_patient();
  if (session->connection_.start(fd)) session.release()->begin();
}

void H1Session::start_secure(WorkerContext& worker, SessionList& list, Peer peer, int fd, std::unique_ptr<net::Transport> transport) {
  std::unique_ptr<H1Session> session(new H1Session(worker, list, std::move(peer)));
  session->connection_.be_patient();
  if (session->connection_.start(fd, std::move(transport))) session.release()->begin();
}

void H1Session::begin() {
  head_timed_ = !worker_.draining;
  arm(peer_.place.refused() ? limits::kRefusedMs : worker_.draining ? kDrainIdleMs : worker_.timeouts.request_header);
}

void H1Session::close() {
  if (dead_) return;
  dead_ = true;
  timer_.cancel();
  connection_.close();
  worker_.io.loop().deleter().push(std::unique_ptr<event::DeferredDeletable>(this));
}

void H1Session::expect_close() {
  if (!idle()) return;
  head_timed_ = false;
  arm(kDrainIdleMs);
}

void H1Session::cut_off() {
  if (stream_ != nullptr) {
    cut("shutdown");
  } else {
    close();
  }
}

void H1Session::arm(MonoMs after) {
  event::Loop& loop = worker_.io.loop();
  if (after != 0) {
    timer_.set(loop.timers(), loop.now_ms() + after);
  } else {
    timer_.disarm();
  }
}

// How long depends on what the session waits for. A head has its time as a whole: a client that drips must not get more with each byte.
void H1Session::arm_for_state() {
  if (stream_ != nullptr) {
    arm(awaits_body() ? worker_.timeouts.request_body : worker_.timeouts.stream_idle);
  } else if (decoder_.idle()) {
    head_timed_ = false;
    arm(worker_.timeouts.connection_idle);
  } else if (!head_timed_) {
    head_timed_ = true;
    arm(worker_.timeouts.request_header);
  }
}

// It is the client's turn: it owes body bytes, and nobody told it to wait.
bool H1Session::awaits_body() const {
  return !request_done_ && !stream_->responded() && !connection_.paused();
}

void H1Session::on_timer() {
  if (connection_.closing()) {
    lingered();
  } else if (stream_ != nullptr) {
    if (stream_->responded()) {
      cut("stream_idle");
    } else {
      stream_->request_failed(awaits_body() ? kRequestTimeout : kUpstreamTimeout);
    }
  } else if (!decoder_.idle()) {
    refuse(kRequestTimeout);
  } else {
    close();
  }
}

void H1Session::say_goodbye(bool client_is_done) {
  if (client_is_done) {
    connection_.close_at_once_when_written();
  } else {
    connection_.close_when_written();
  }
  if (dead_) return;
  left_ = connection_.waiting();
  arm(left_ == 0 ? kLingerMs : kLingerSlowMs);
}

// A client that goes on taking the last response gets all of it; for one that does not, what it has must not look complete.
void H1Session::lingered() {
  const size_t left = connection_.waiting();
  if (left != 0 && left < left_) {
    left_ = left;
    arm(kLingerSlowMs);
    return;
  }
  if (left != 0) connection_.abort();
  close();
}

// Ends the stream from our side. A response that has begun is broken, not ended: a short one must not look complete.
void H1Session::cut(std::string_view reason) {
  if (stream_->responded()) connection_.abort();
  stream_->client_gone(reason);
  close();
}

// --- The request -------------------------------------------------------------------------------------------------------

// What a balancer says before the client's first byte. It has the time of a request's head.
bool H1Session::take_proxy_header(std::string_view& input) {
  net::ProxyHeader header;
  switch (net::parse_proxy_header(input, header)) {
    case net::ProxyHeaderStep::kNeedMore: return false;
    case net::ProxyHeaderStep::kBad:
      worker_.stats.connections_refused.add();
      close();
      return false;
    case net::ProxyHeaderStep::kDone: break;
  }
  awaits_proxy_header_ = false;
  input.remove_prefix(header.size);
  if (header.local) return true;
  peer_.replace(header.source);
  return true;
}

size_t H1Session::on_bytes(std::string_view bytes) {
  if (stream_ != nullptr && stream_->tunnel()) {
    arm_for_state();
    stream_->tunnel_data(bytes);
    return bytes.size();
  }
  std::string_view input = bytes;
  if (awaits_proxy_header_ && !take_proxy_header(input)) return 0;
  if (first_) {
    if (is_http2(input)) return bytes.size() - input.size() + hand_over(input);
    first_ = false;
  }
  unsigned messages = 0;
  while (connection_.is_open() && !connection_.closing()) {
    if (stream_ != nullptr && request_done_) {
      // Pipelined bytes wait until the response is out; an upgrade's early bytes wait for the 101.
      if (!input.empty()) connection_.pause(net::Connection::kPauseBusy);
      break;
    }
    if (stream_ == nullptr) {
      if (input.empty()) break;
      if (connection_.waiting() > limits::kBufferHighWatermark) {
        // A client that pipelines and does not read gets no further responses into memory.
        connection_.pause(net::Connection::kPauseBackpressure);
        break;
      }
      if (++messages > limits::kPipelineBudget) {
        connection_.pause(net::Connection::kPauseBusy);
        connection_.resume(net::Connection::kPauseBusy);  // shown again when others had their turn
        break;
      }
      stream_ = worker_.take_stream();
    }
    if (decode_step(input) == Step::kStop) break;
  }
  if (connection_.is_open() && !connection_.closing()) arm_for_state();
  return bytes.size() - input.size();
}

// As far as it has come, it is the preface of HTTP/2 with prior knowledge (RFC 9113 §3.3). Over TLS ALPN has decided.
bool H1Session::is_http2(std::string_view input) {
  return connection_.transport() == nullptr && input.substr(0, kPrefaceLine.size()) == kPrefaceLine.substr(0, input.size());
}

// Returns how many bytes were taken: none while the first line is not whole.
size_t H1Session::hand_over(std::string_view input) {
  if (input.size() < kPrefaceLine.size()) return 0;
  net::Connection::Detached socket = connection_.detach();
  H2Session::start(worker_, list_, std::move(peer_), socket.fd, std::move(socket.transport), input);
  close();
  return input.size();
}

H1Session::Step H1Session::decode_step(std::string_view& input) {
  std::string_view data;
  Stream& stream = *stream_;
  switch (decoder_.next(input, stream.arena(), stream.request(), data, stream.trailers())) {
    case http::H1Event::kNeedMore:
      if (!head_done_) {
        worker_.give_back(stream_);
        stream_ = nullptr;
      }
      return Step::kStop;
    case http::H1Event::kHead: head_came(input); break;
    case http::H1Event::kData: stream.request_data(data); break;
    case http::H1Event::kTrailers: stream.request_trailers_came(); break;
    case http::H1Event::kEnd:
      request_done_ = true;
      stream.request_end();
      break;
    default:
      if (!head_done_) {
        worker_.give_back(stream_);
        stream_ = nullptr;
        refuse(error_for(decoder_.error()));
      } else {
        stream.request_failed(error_for(decoder_.error()));
      }
      return Step::kStop;
  }
  return Step::kGoOn;
}

void H1Session::head_came(std::string_view& input) {
  head_done_ = true;
  head_timed_ = request_done_ = false;
  Stream& stream = *stream_;
  const http::BodyFraming body = stream.request().body;
  if (body.kind == http::Framing::kNone || (body.kind == http::Framing::kLength && body.length == 0)) {
    std::string_view data;
    decoder_.next(input, stream.arena(), stream.request(), data, stream.trailers());  // its kEnd
    request_done_ = true;
  }
  if (peer_.place.refused()) [[unlikely]] {
    stream.begin_denied(*this, request_done_, kTooManyConnections);
  } else {
    stream.begin(*this, request_done_);
  }
}

void H1Session::refuse(const LocalError& error) {
  stream_ = worker_.take_stream();
  head_done_ = request_done_ = true;
  close_after_ = true;
  stream_->begin_refused(*this, error);
}

void H1Session::on_close(net::CloseCause cause, int) {
  if (stream_ == nullptr) {
    if (cause == net::CloseCause::kPeer && connection_.waiting() != 0) {
      // It says nothing more, but has not taken its last response yet; the end is told again when it has.
      if (!connection_.closing()) say_goodbye(false);
    } else {
      close();
    }
    return;
  }
  if (cause == net::CloseCause::kPeer) {
    if (stream_->tunnel()) {
      stream_->request_end();
      return;
    }
    if (request_done_) {
      // A half-closed client still gets its answer; one that is gone shows when we write.
      close_after_ = true;
      return;
    }
  }
  stream_->client_gone("client_closed");
  close();
}

void H1Session::on_write_ready() {
  if (connection_.closing()) return;
  arm_for_state();
  if (stream_ != nullptr) {
    stream_->client_drained();
  } else {
    connection_.resume(net::Connection::kPauseBackpressure);
  }
}

// --- The response ------------------------------------------------------------------------------------------------------

bool H1Session::wants_close(const Stream& stream) const {
  if (close_after_ || stream.must_close() || worker_.draining || !stream.request().keep_alive) return true;
  const uint32_t age = worker_.timeouts.max_connection_age;
  return age != 0 && worker_.io.loop().now_ms() - opened_ms_ >= age;
}

void H1Session::send_interim(Stream& stream, const http::ResponseHead& head) {
  if (stream.request().version == http::Version::kHttp10) return;  // RFC 9110 §15.2
  http::encode_response(head, "", false, connection_.output());
}

void H1Session::send_head(Stream& stream, http::ResponseHead& head, bool) {
  const http::RequestHead& request = stream.request();
  no_body_ = request.method == http::Method::kHead;
  if (head.status == 101) {
    http::encode_response(head, "upgrade", false, connection_.output());
    return;
  }
  const bool old_client = request.version == http::Version::kHttp10;
  if (head.body.kind == http::Framing::kUntilClose && !old_client) {
    head.body.kind = http::Framing::kChunked;  // so that the client can tell the end from a broken connection
  } else if (head.body.kind == http::Framing::kChunked && old_client) {
    head.body.kind = http::Framing::kUntilClose;
  }
  if (head.body.kind == http::Framing::kUntilClose) close_after_ = true;
  client_closes_ = !request.keep_alive;
  // An answer that comes before its request is whole ends the connection, whatever becomes of the rest.
  close_after_ = wants_close(stream) || !request_done_;
  response_framing_ = no_body_ ? http::Framing::kNone : head.body.kind;
  const std::string_view connection = close_after_ ? "close" : old_client ? "keep-alive" : "";
  const bool keep_length = no_body_ || head.status == 304;
  http::encode_response(head, connection, keep_length, connection_.output());
}

void H1Session::send_data(Stream&, std::string_view data) {
  if (no_body_) return;
  http::encode_data(response_framing_, data, connection_.output());
  arm_for_state();
}

void H1Session::send_end(Stream&, const http::HeaderList* trailers) {
  http::encode_end(response_framing_, trailers, connection_.output());
}

void H1Session::start_tunnel(Stream&) {
  request_done_ = true;
  connection_.resume(net::Connection::kPauseBusy);
}

void H1Session::send_tunnel_data(Stream&, std::string_view data) {
  connection_.output().borrow(data);
  arm_for_state();
}

void H1Session::break_off(Stream&) {
  stream_ = nullptr;   // the stream is about to finish: a write that fails here must not end it a second time
  worker_.io.flush();  // what was complete so far may reach the client; the end must not look like one
  if (connection_.is_open()) connection_.abort();
}

void H1Session::stream_finished(Stream& stream, bool reusable) {
  const bool was_done = request_done_;
  stream_ = nullptr;
  head_done_ = request_done_ = false;
  worker_.give_back(&stream);
  if (!connection_.is_open()) {
    close();
    return;
  }
  if (!reusable || !was_done || close_after_) {
    say_goodbye(reusable && was_done && client_closes_);
    return;
  }
  response_framing_ = http::Framing::kNone;
  no_body_ = false;
  arm(worker_.timeouts.connection_idle);
  connection_.resume(net::Connection::kPauseBusy);
  connection_.resume(net::Connection::kPauseBackpressure);
}

}  // namespace flagmesh::stream
