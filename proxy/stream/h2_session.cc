// The connection: bytes, its life and its end. The streams are in h2_session_streams.cc.
#include "proxy/stream/h2_session.h"

#include "proxy/limits.h"
#include "proxy/stream/h2_lane.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

// --- Life --------------------------------------------------------------------------------------------------------------

H2Session::H2Session(WorkerContext& worker, SessionList& list, Peer peer)
    : worker_(worker),
      list_(list),
      connection_(worker.io, *this),
      timer_([](void* self) { static_cast<H2Session*>(self)->on_timer(); }, this),
      peer_(std::move(peer)),
      opened_ms_(worker.io.loop().now_ms()),
      codec_(http::H2Role::kServer, worker.h2_memory, worker.limits, *this, opened_ms_) {
  list_.add(*this);
  worker_.stats.connections.add();
}

H2Session::~H2Session() {
  while (lanes_ != nullptr) {
    Lane* lane = lanes_;
    lanes_ = lane->next;
    codec_.forget(*lane);
    lane->~Lane();
    worker_.h2_memory.release(lane);
  }
  list_.remove(*this);
  worker_.stats.connections.sub();
}

void H2Session::start(WorkerContext& worker, SessionList& list, Peer peer, int fd,
                      std::unique_ptr<net::Transport> transport, std::string_view first) {
  std::unique_ptr<H2Session> made(new H2Session(worker, list, std::move(peer)));
  if (!made->connection_.start(fd, std::move(transport))) return;
  H2Session& session = *made.release();
  session.block_timed_ = true;
  session.arm(session.timer_, worker.timeouts.request_header);
  session.ask_flush();  // our settings
  while (!first.empty() && session.connection_.is_open()) {
    first.remove_prefix(session.codec_.receive(first, worker.io.loop().now_ms()));
  }
  if (!session.connection_.is_open()) return;
  session.arm_for_state();
  if (worker.draining) session.begin_drain();
}

void H2Session::close() {
  if (dead_) return;
  dead_ = true;
  timer_.cancel();
  connection_.close();
  worker_.io.loop().deleter().push(std::unique_ptr<event::DeferredDeletable>(this));
}

// Their answers are lost, and each of them ends in the log.
void H2Session::finish_streams(std::string_view reason) {
  for (Lane* lane = lanes_; lane != nullptr; lane = lane->next) {
    lane->dead = true;
    lane->timer.cancel();
    Stream* stream = lane->stream;
    if (stream == nullptr) continue;
    if (lane->begun) {
      stream->client_gone(reason);
    } else {
      lane->stream = nullptr;
      stream->forget();
    }
  }
}

void H2Session::cut_off() {
  if (dead_) return;
  codec_.terminate(http::H2Code::kNoError, "shutdown");
  write_now();
  worker_.io.flush();
  finish_streams("shutdown");
  close();
}

// The codec is over and its last words are written: the client may still read them.
void H2Session::end_connection() {
  if (life_ == Life::kEnding) return;
  life_ = Life::kEnding;
  finish_streams(codec_.reason().empty() ? std::string_view("h2_closed") : codec_.reason());
  if (dead_ || !connection_.is_open()) return;
  connection_.close_when_written();
  // Who floods goes on sending, and each byte costs.
  arm(timer_, codec_.code() == http::H2Code::kEnhanceYourCalm ? kFloodLingerMs : kLingerMs);
}

// RFC 9113 §6.8: requests that are on their way when the first GOAWAY goes out are still served.
void H2Session::begin_drain() {
  if (life_ != Life::kOpen || dead_) return;
  life_ = Life::kAnnounced;
  codec_.announce_shutdown();
  ask_flush();
  arm(timer_, limits::kH2DrainNoticeMs);
}

bool H2Session::too_old() const {
  const uint32_t age = worker_.timeouts.max_connection_age;
  return age != 0 && worker_.io.loop().now_ms() - opened_ms_ >= age;
}

// --- Time --------------------------------------------------------------------------------------------------------------

void H2Session::arm(event::Timer& timer, MonoMs after) {
  event::Loop& loop = worker_.io.loop();
  if (after != 0) {
    timer.set(loop.timers(), loop.now_ms() + after);
  } else {
    timer.disarm();
  }
}

// A header block, as the preface, has its time as a whole; without a stream the connection is idle, whatever frames come.
void H2Session::arm_for_state() {
  if (life_ != Life::kOpen) return;
  if (codec_.in_header_block() || !codec_.preface_seen()) {
    if (!block_timed_) arm(timer_, worker_.timeouts.request_header);
    block_timed_ = true;
    return;
  }
  if (lanes_ != nullptr) {
    timer_.disarm();
  } else if (block_timed_ || !timer_.armed()) {
    arm(timer_, worker_.timeouts.connection_idle);
  }
  block_timed_ = false;
}

void H2Session::on_timer() {
  switch (life_) {
    case Life::kOpen:
      if (block_timed_) {
        codec_.terminate(http::H2Code::kEnhanceYourCalm, kRequestTimeout.reason);
        ask_flush();
      } else {
        begin_drain();
      }
      break;
    case Life::kAnnounced:
      life_ = Life::kLast;
      codec_.shut_down();
      ask_flush();
      break;
    case Life::kLast: break;
    case Life::kEnding:
      if (connection_.waiting() != 0) connection_.abort();
      close();
      break;
  }
}

// --- Bytes -------------------------------------------------------------------------------------------------------------

size_t H2Session::on_bytes(std::string_view bytes) {
  if (life_ == Life::kEnding) return bytes.size();
  const size_t taken = codec_.receive(bytes, worker_.io.loop().now_ms());
  ask_flush();
  if (!connection_.is_open()) return bytes.size();
  if (taken < bytes.size()) {
    connection_.pause(net::Connection::kPauseBusy);
    connection_.resume(net::Connection::kPauseBusy);  // shown again when others had their turn
  } else if (connection_.waiting() > limits::kBufferHighWatermark) {
    // It asks and does not read: nothing more is made for it.
    connection_.pause(net::Connection::kPauseBackpressure);
  }
  arm_for_state();
  return taken;
}

void H2Session::on_close(net::CloseCause cause, int) {
  if (life_ == Life::kEnding && cause == net::CloseCause::kPeer && connection_.waiting() != 0) return;
  finish_streams("client_closed");
  close();
}

void H2Session::on_write_ready() {
  connection_.resume(net::Connection::kPauseBackpressure);
  ask_flush();
}

void H2Session::before_flush() {
  if (dead_ || !connection_.is_open() || life_ == Life::kEnding) return;
  if (codec_.calling()) {  // somebody flushes inside one of its events; on_bytes() asks again
    codec_.keep_fresh();
    return;
  }
  write_now();
  if (codec_.over()) end_connection();
}

// What the kernel does not take waits in the streams, where it holds up whoever sends it.
void H2Session::write_now() {
  if (connection_.waiting() > limits::kBufferLowWatermark) {
    codec_.keep_fresh();
    return;
  }
  if (codec_.pull(connection_.output())) worker_.io.loop().schedule(*this);
  if (throttled_ && codec_.waiting() <= limits::kH2QueuedBytes / 2) tell_drained();
}

void H2Session::tell_drained() {
  throttled_ = false;
  for (Lane* lane = lanes_; lane != nullptr; lane = lane->next) {
    if (lane->stream != nullptr && lane->begun) lane->stream->client_drained();
  }
}

}  // namespace flagmesh::stream
