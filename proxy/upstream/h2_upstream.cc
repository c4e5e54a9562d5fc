#include "proxy/upstream/h2_upstream.h"

#include <new>

#include "proxy/limits.h"
#include "proxy/upstream/container.h"
#include "proxy/upstream/upstream_tls.h"

namespace flagmesh::upstream {

using http::H2Code;

namespace {

H2UpstreamStream& of(http::H2Stream& stream) { return static_cast<H2UpstreamStream&>(stream); }

}  // namespace

// --- The attempt -------------------------------------------------------------------------------------------------------

H2UpstreamStream::H2UpstreamStream(H2UpstreamConnection& connection, Endpoint& endpoint, UpstreamRequest& request)
    : UpstreamChannel(endpoint, true), connection_(connection), request_(&request) {
  arena = &request.arena();
  response = &head_;
  trailers = &trailer_list_;
}

void H2UpstreamStream::send_head(const http::RequestHead& head) {
  // An extended CONNECT may be sent only to those who said that they know it (RFC 8441 §3).
  if (head.upgrade_websocket && !connection_.settings_) {
    late_head_ = &head;
    return;
  }
  late_head_ = nullptr;
  const bool empty = head.body.kind == http::Framing::kNone || (head.body.kind == http::Framing::kLength && head.body.length == 0);
  const bool possible = !head.upgrade_websocket || connection_.codec_.peer_takes_connect();
  if (!possible || !connection_.codec_.send_request(*this, head, connection_.container_.spec().tls.has_value(), empty)) {
    dead = true;  // told on a later turn: nothing is called back inside send_head()
    connection_.failed_early_ = true;
  }
  connection_.ask_flush();
}

void H2UpstreamStream::send_data(std::string_view data) {
  connection_.codec_.send_data(*this, data);
  connection_.ask_flush();
}

void H2UpstreamStream::send_end(const http::HeaderList* trailers_to_send) {
  if (websocket && !tunnel_) return;  // the request's end is not the tunnel's
  connection_.codec_.send_end(*this, trailers_to_send);
  connection_.ask_flush();
}

void H2UpstreamStream::resume_reading() {
  paused_ = false;
  connection_.codec_.consumed(*this, unconsumed);
  connection_.ask_flush();
}

void H2UpstreamStream::cancel() { connection_.release(*this); }

// --- Life --------------------------------------------------------------------------------------------------------------

H2UpstreamConnection::H2UpstreamConnection(Container& container, Endpoint& endpoint)
    : container_(container),
      endpoint_(endpoint),
      connection_(container.context().io, *this),
      timer_([](void* self) { static_cast<H2UpstreamConnection*>(self)->on_timer(); }, this),
      codec_(http::H2Role::kClient, *container.context().h2_memory, container.context().limits, *this,
             container.context().io.loop().now_ms()) {}

H2UpstreamConnection::~H2UpstreamConnection() {
  while (first_ != nullptr) {
    H2UpstreamStream* stream = first_;
    first_ = stream->next_;
    codec_.forget(*stream);
    stream->~H2UpstreamStream();
    container_.context().h2_memory->release(stream);
  }
}

Status H2UpstreamConnection::connect() {
  if (container_.spec().tls && endpoint_.tls_session == nullptr) {
    endpoint_.tls_session = std::make_unique<net::TlsSessionSlot>();
  }
  bool failed = false;
  auto transport = make_transport(container_.shared(), *endpoint_.state, endpoint_.tls_session.get(), failed);
  if (failed) return flagmesh::fail("connect", "TLS cannot be set up", endpoint_.state->name);
  if (Status started = connection_.start_connect(endpoint_.state->address, std::move(transport)); !started) return started;
  event::Loop& loop = container_.context().io.loop();
  timer_.set(loop.timers(), loop.now_ms() + container_.spec().connect_timeout);
  return {};
}

bool H2UpstreamConnection::adopt(net::Connection::Detached socket) {
  connecting_ = false;
  if (!connection_.start(socket.fd, std::move(socket.transport))) return false;
  ask_flush();  // our settings
  return true;
}

bool H2UpstreamConnection::has_room() const {
  return linked_ && !closed_ && codec_.may_open() && streams_ < std::min(codec_.peer_max_streams(), limits::kH2UpstreamStreams);
}

H2UpstreamStream& H2UpstreamConnection::attach(UpstreamRequest& request) {
  void* memory = container_.context().h2_memory->allocate(sizeof(H2UpstreamStream));
  if (memory == nullptr) throw std::bad_alloc();
  auto& stream = *new (memory) H2UpstreamStream(*this, endpoint_, request);
  stream.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &stream;
  first_ = &stream;
  ++streams_;
  ++live_;
  ++endpoint_.active;
  if (!connecting_) timer_.disarm();
  return stream;
}

void H2UpstreamConnection::retire() {
  unlink();
  if (live_ == 0) dispose();
}

void H2UpstreamConnection::unlink() {
  if (!linked_) return;
  linked_ = false;
  (previous_ != nullptr ? previous_->next_ : endpoint_.h2) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  next_ = previous_ = nullptr;
}

void H2UpstreamConnection::dispose() {
  if (closed_) return;
  closed_ = true;
  unlink();
  timer_.cancel();
  connection_.close();
  container_.forget_h2(endpoint_);
  container_.context().io.loop().deleter().push(std::unique_ptr<event::DeferredDeletable>(this));
  container_.release_ref();
}

// Nobody uses it any more: keep it for the next request, or end it.
void H2UpstreamConnection::look_idle() {
  if (live_ != 0 || closed_ || (connecting_ && linked_)) return;
  if (!linked_ || codec_.over() || endpoint_.removed || container_.retired_ || container_.wanted_elsewhere()) {
    dispose();
    return;
  }
  event::Loop& loop = container_.context().io.loop();
  timer_.set(loop.timers(), loop.now_ms() + container_.spec().idle_timeout);
  container_.h2_idle();
}

void H2UpstreamConnection::on_timer() {
  if (connecting_) {
    container_.stats().connect_failures.add();
    fail_all(Failure::kConnectTimeout, false);
  } else if (live_ == 0) {
    dispose();
  }
}

// --- Bytes -------------------------------------------------------------------------------------------------------------

void H2UpstreamConnection::ask_flush() {
  if (!closed_) container_.context().io.before_flush(*this);
}

void H2UpstreamConnection::on_connected() {
  const bool told = container_.spec().protocol == snapshot::UpstreamProtocol::kAuto;
  if (told && !speaks_http2(container_.spec(), connection_.transport())) {
    endpoint_.http2 = false;  // not any more: HTTP/1 from here on
    fail_all(Failure::kUnprocessed, false);
    return;
  }
  connecting_ = false;
  timer_.disarm();
  ask_flush();
  H2UpstreamStream* stream = first_;
  while (stream != nullptr && stream->next_ != nullptr) stream = stream->next_;
  while (stream != nullptr) {  // the oldest first
    H2UpstreamStream* newer = stream->previous_;
    if (stream->request_ != nullptr) stream->request_->on_ready(*stream);
    stream = newer;
  }
  look_idle();
}

size_t H2UpstreamConnection::on_bytes(std::string_view bytes) {
  if (closed_) return bytes.size();
  const size_t taken = codec_.receive(bytes, container_.context().io.loop().now_ms());
  ask_flush();
  if (taken < bytes.size() && connection_.is_open()) {
    connection_.pause(net::Connection::kPauseBusy);
    connection_.resume(net::Connection::kPauseBusy);
  }
  return taken;
}

void H2UpstreamConnection::on_write_ready() {
  ask_flush();
}

void H2UpstreamConnection::before_flush() {
  if (closed_ || connecting_) return;
  if (codec_.calling()) {
    codec_.keep_fresh();
    return;
  }
  write_now();
  if (failed_early_) {
    failed_early_ = false;
    for (H2UpstreamStream* stream = first_; stream != nullptr;) {
      H2UpstreamStream* next = stream->next_;
      if (stream->dead && stream->id == 0 && stream->request_ != nullptr) fail(*stream, Failure::kProtocol);
      stream = next;
    }
  }
  if (codec_.over()) {
    fail_all(Failure::kReset, true);
  } else if (!linked_) {
    look_idle();
  }
}

void H2UpstreamConnection::write_now() {
  if (connection_.waiting() > limits::kBufferLowWatermark || connecting_) {
    codec_.keep_fresh();
    return;
  }
  if (codec_.pull(connection_.output())) container_.context().io.loop().schedule(*this);
}

void H2UpstreamConnection::on_close(net::CloseCause, int error) {
  if (closed_) return;
  Failure failure = Failure::kReset;
  if (connecting_) {
    failure = upstream::failure_of(net::tls_failure_of(error));
    container_.stats().connect_failures.add();
    if (is_tls_failure(failure)) container_.stats().tls_failures[tls_failure_index(failure)].add();
  }
  fail_all(failure, false);
}

// --- Messages ----------------------------------------------------------------------------------------------------------

void H2UpstreamConnection::on_settings() {
  if (settings_) return;
  settings_ = true;
  for (H2UpstreamStream* stream = first_; stream != nullptr;) {
    H2UpstreamStream* next = stream->next_;
    if (stream->late_head_ != nullptr && stream->request_ != nullptr) stream->send_head(*stream->late_head_);
    stream = next;
  }
}

void H2UpstreamConnection::on_interim(http::H2Stream& which) {
  H2UpstreamStream& stream = of(which);
  if (stream.request_ != nullptr) stream.request_->on_interim(stream.head_);
}

void H2UpstreamConnection::on_head(http::H2Stream& which, bool end) {
  H2UpstreamStream& stream = of(which);
  if (stream.request_ == nullptr) return;
  ++answered_;
  stream.tunnel_ = stream.head_.status == 101;
  stream.request_->on_head(stream.head_);
  if (end && stream.request_ != nullptr) finish(stream);
}

void H2UpstreamConnection::on_data(http::H2Stream& which, std::string_view data) {
  H2UpstreamStream& stream = of(which);
  if (stream.request_ == nullptr) return;
  if (stream.tunnel_) {
    stream.request_->on_tunnel_data(data);
  } else {
    stream.request_->on_data(data);
  }
  if (!stream.paused_) codec_.consumed(stream, data.size());
}

void H2UpstreamConnection::on_trailers(http::H2Stream& which) {
  H2UpstreamStream& stream = of(which);
  if (stream.request_ != nullptr) stream.request_->on_trailers(stream.trailer_list_);
}

void H2UpstreamConnection::on_end(http::H2Stream& which) {
  H2UpstreamStream& stream = of(which);
  if (stream.request_ != nullptr) finish(stream);
}

void H2UpstreamConnection::on_drained(http::H2Stream& which) {
  H2UpstreamStream& stream = of(which);
  if (stream.request_ != nullptr) stream.request_->on_write_ready();
}

// The answer is whole. What is left of the request is not wanted (RFC 9113 §8.1).
void H2UpstreamConnection::finish(H2UpstreamStream& stream) {
  UpstreamRequest* request = stream.request_;
  release(stream);
  request->on_end();
}

void H2UpstreamConnection::fail(H2UpstreamStream& stream, Failure failure) {
  UpstreamRequest* request = stream.request_;
  release(stream);
  request->on_failure(failure);
}

// The attempt is over, for whatever reason.
void H2UpstreamConnection::release(H2UpstreamStream& stream) {
  if (stream.request_ == nullptr) return;
  stream.request_ = nullptr;
  stream.late_head_ = nullptr;
  --live_;
  --endpoint_.active;
  if (stream.id == 0) {  // the codec never saw it
    on_closed(stream);
    return;
  }
  if (!stream.remote_ended || !stream.end_given) codec_.reset(stream, H2Code::kCancel);
  codec_.ignore_rest(stream);
  if (linked_) {
    ask_flush();
  } else {
    look_idle();  // nobody else knows of it any more
  }
}

Failure H2UpstreamConnection::failure_of(const H2UpstreamStream& stream) const {
  if (stream.error != http::H1Error::kNone) return stream.head_done ? Failure::kTruncated : Failure::kProtocol;
  if (stream.head_done) return Failure::kTruncated;
  if (!stream.opened || stream.code == H2Code::kRefusedStream) return Failure::kUnprocessed;
  return Failure::kReset;
}

void H2UpstreamConnection::on_closed(http::H2Stream& which) {
  H2UpstreamStream& stream = of(which);
  UpstreamRequest* request = stream.request_;
  const Failure failure = failure_of(stream);
  if (request != nullptr) {
    --live_;
    --endpoint_.active;
  }
  (stream.previous_ != nullptr ? stream.previous_->next_ : first_) = stream.next_;
  if (stream.next_ != nullptr) stream.next_->previous_ = stream.previous_;
  --streams_;
  stream.~H2UpstreamStream();
  container_.context().h2_memory->release(&stream);
  if (request != nullptr) request->on_failure(failure);
  container_.h2_place_free();
  look_idle();
}

// The connection is lost, or its end was agreed on (`clean`). Those whose request nobody has seen go elsewhere.
void H2UpstreamConnection::fail_all(Failure failure, bool clean) {
  unlink();
  const bool was_connecting = connecting_;
  const bool stale = !was_connecting && !clean && answered_ != 0;
  dispose();
  while (first_ != nullptr) {
    H2UpstreamStream* stream = first_;
    UpstreamRequest* request = stream->request_;
    Failure why = failure;
    if (!was_connecting) {
      why = failure_of(*stream);
      if (why == Failure::kReset && stale) why = Failure::kStale;
    }
    first_ = stream->next_;
    if (first_ != nullptr) first_->previous_ = nullptr;
    --streams_;
    if (request != nullptr) {
      --live_;
      --endpoint_.active;
    }
    codec_.forget(*stream);
    stream->~H2UpstreamStream();
    container_.context().h2_memory->release(stream);
    if (request != nullptr) request->on_failure(why);
  }
}

}  // namespace flagmesh::upstream
