#include "proxy/upstream/upstream_connection.h"

#include "proxy/upstream/container.h"
#include "proxy/upstream/upstream_tls.h"

namespace flagmesh::upstream {

UpstreamConnection::UpstreamConnection(Container& container, Endpoint& endpoint)
    : UpstreamChannel(endpoint, false),
      container_(container),
      connection_(container.context().io, *this),
      timer_([](void* self) { static_cast<UpstreamConnection*>(self)->on_timer(); }, this),
      decoder_(container.context().limits) {}

UpstreamConnection::~UpstreamConnection() = default;

Status UpstreamConnection::connect(UpstreamRequest& request) {
  if (container_.spec().tls && endpoint_.tls_session == nullptr) {
    endpoint_.tls_session = std::make_unique<net::TlsSessionSlot>();
  }
  bool failed = false;
  auto transport = make_transport(container_.shared(), *endpoint_.state, endpoint_.tls_session.get(), failed);
  if (failed) return flagmesh::fail("connect", "TLS cannot be set up", endpoint_.state->name);
  if (Status started = connection_.start_connect(endpoint_.state->address, std::move(transport)); !started) return started;
  request_ = &request;
  event::Loop& loop = container_.context().io.loop();
  timer_.set(loop.timers(), loop.now_ms() + container_.spec().connect_timeout);
  ++endpoint_.active;
  return {};
}

void UpstreamConnection::attach(UpstreamRequest& request) {
  request_ = &request;
  state_ = State::kBusy;
  ++uses_;
  ++endpoint_.active;
  request_sent_ = got_byte_ = got_head_ = false;
}

void UpstreamConnection::send_head(const http::RequestHead& head, std::string_view connection) {
  upgrade_ = head.upgrade_websocket;
  decoder_.expect(head.method, upgrade_);
  http::encode_request(head, connection, connection_.output());
}

void UpstreamConnection::on_connected() {
  timer_.disarm();
  const bool unknown = container_.spec().protocol == snapshot::UpstreamProtocol::kAuto;
  if (unknown && speaks_http2(container_.spec(), connection_.transport())) {
    container_.turn_to_h2(*this);
    return;
  }
  state_ = State::kBusy;
  uses_ = 1;
  request_->on_ready(*this);
}

void UpstreamConnection::on_timer() {
  if (state_ == State::kConnecting) {
    container_.stats().connect_failures.add();
    fail(Failure::kConnectTimeout);
  } else if (state_ == State::kIdle) {
    container_.remove_idle(*this);
    dispose();
  }
}

size_t UpstreamConnection::on_bytes(std::string_view bytes) {
  if (state_ == State::kTunnel) {
    request_->on_tunnel_data(bytes);
    return bytes.size();
  }
  if (state_ != State::kBusy) {
    // Nobody asked: a response to nothing would be taken for the answer to the next request.
    if (state_ == State::kIdle) container_.remove_idle(*this);
    if (state_ != State::kClosed) dispose();
    return bytes.size();
  }
  got_byte_ = true;
  std::string_view input = bytes;
  http::ResponseHead head;
  http::HeaderList trailers;
  std::string_view data;
  while (true) {
    const http::H1Event event = decoder_.next(input, request_->arena(), head, data, trailers);
    if (event == http::H1Event::kNeedMore) break;
    if (event == http::H1Event::kEnd) {
      if (!upgrade_ || !got_head_ || head.status != 101) {
        if (!input.empty()) reusable_ = false;
        message_ended();
        return bytes.size();
      }
      state_ = State::kTunnel;
      if (!input.empty()) request_->on_tunnel_data(input);
      return bytes.size();
    }
    switch (event) {
      case http::H1Event::kInterim: request_->on_interim(head); break;
      case http::H1Event::kHead:
        got_head_ = true;
        if (!head.keep_alive) reusable_ = false;
        request_->on_head(head);
        break;
      case http::H1Event::kData: request_->on_data(data); break;
      case http::H1Event::kTrailers: request_->on_trailers(trailers); break;
      default: fail(Failure::kProtocol); return bytes.size();
    }
    if (state_ != State::kBusy) return bytes.size();  // cancelled inside
  }
  return bytes.size() - input.size();
}

void UpstreamConnection::message_ended() {
  UpstreamRequest* request = request_;
  request_ = nullptr;
  --endpoint_.active;
  if (reusable_ && request_sent_ && !endpoint_.removed && !container_.retired_ && !container_.wanted_elsewhere()) {
    connection_.resume(net::Connection::kPauseBackpressure);  // the one who paused it is gone
    container_.put_idle(*this);
  } else {
    dispose();
  }
  request->on_end();
}

void UpstreamConnection::on_close(net::CloseCause cause, int error) {
  switch (state_) {
    case State::kConnecting: {
      const Failure failure = failure_of(net::tls_failure_of(error));
      container_.stats().connect_failures.add();
      if (is_tls_failure(failure)) container_.stats().tls_failures[tls_failure_index(failure)].add();
      fail(failure);
      break;
    }
    case State::kIdle:
      container_.remove_idle(*this);
      dispose();
      break;
    case State::kBusy:
      // An end that TLS was not told of is not the end of a body that has no other.
      if (cause == net::CloseCause::kPeer && error == 0 && got_head_ && decoder_.on_eof() == http::H1Event::kEnd) {
        reusable_ = false;
        message_ended();
      } else if (got_head_) {
        fail(Failure::kTruncated);
      } else {
        fail(reused() && !got_byte_ ? Failure::kStale : Failure::kReset);
      }
      break;
    case State::kTunnel: {
      UpstreamRequest* request = request_;
      request_ = nullptr;
      --endpoint_.active;
      dispose();
      request->on_end();
      break;
    }
    case State::kClosed: break;
  }
}

void UpstreamConnection::on_write_ready() {
  if (request_ != nullptr) request_->on_write_ready();
}

void UpstreamConnection::fail(Failure failure) {
  UpstreamRequest* request = request_;
  request_ = nullptr;
  --endpoint_.active;
  dispose();
  request->on_failure(failure);
}

void UpstreamConnection::cancel() {
  request_ = nullptr;
  --endpoint_.active;
  dispose();
}

void UpstreamConnection::dispose() {
  state_ = State::kClosed;
  timer_.cancel();
  connection_.close();
  container_.forget(*this);
  container_.context().io.loop().deleter().push(std::unique_ptr<event::DeferredDeletable>(this));
  container_.release_ref();
}

}  // namespace flagmesh::upstream
