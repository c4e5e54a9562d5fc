// The requests of an HTTP/2 session and their answers.
#include <new>

#include "proxy/limits.h"
#include "proxy/stream/h2_lane.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

constexpr http::H2Code kBroken = http::H2Code::kInternalError;

}  // namespace

H2Session::Lane& H2Session::lane_of(const Stream& stream) {
  return *static_cast<Lane*>(stream.session_stream());
}

// --- The request -------------------------------------------------------------------------------------------------------

http::H2Stream* H2Session::on_begin() {
  void* memory = worker_.h2_memory.allocate(sizeof(Lane));
  if (memory == nullptr) return nullptr;
  auto* lane = new (memory) Lane(*this);
  lane->next = lanes_;
  if (lanes_ != nullptr) lanes_->previous = lane;
  lanes_ = lane;
  Stream& stream = *worker_.take_stream();
  lane->stream = &stream;
  lane->arena = &stream.arena();
  lane->request = &stream.request();
  lane->trailers = &stream.trailers();
  stream.set_session_stream(lane);
  if (too_old()) begin_drain();
  return lane;
}

void H2Session::on_head(http::H2Stream& which, bool end) {
  auto& lane = static_cast<Lane&>(which);
  lane.begun = true;
  lane.request_done = end;
  if (peer_.place.refused()) [[unlikely]] {
    lane.stream->begin_refused(*this, kTooManyConnections);
    codec_.shut_down();
    return;
  }
  // A WebSocket's request has no body; what comes before the tunnel waits for it.
  lane.stream->begin(*this, end || lane.request->upgrade_websocket);
  if (lane.stream != nullptr) arm_lane(lane);
}

void H2Session::on_refused(http::H2Stream& which, bool answer) {
  auto& lane = static_cast<Lane&>(which);
  lane.begun = true;
  lane.request_done = lane.remote_ended;
  if (answer) {
    lane.stream->begin_refused(*this, error_for(lane.error));
  } else {
    lane.stream->begin_reset(*this, error_for(lane.error));
  }
}

void H2Session::on_data(http::H2Stream& which, std::string_view data) {
  auto& lane = static_cast<Lane&>(which);
  Stream& stream = *lane.stream;
  if (stream.tunnel()) {
    stream.tunnel_data(data);
  } else if (lane.request->upgrade_websocket) {
    lane.early.append(data);
    return;
  } else {
    stream.request_data(data);
  }
  if (lane.stream == nullptr) return;
  if (!lane.paused) codec_.consumed(lane, data.size());
  arm_lane(lane);
}

void H2Session::on_trailers(http::H2Stream& which) {
  auto& lane = static_cast<Lane&>(which);
  if (!lane.request->upgrade_websocket) lane.stream->request_trailers_came();
}

void H2Session::on_end(http::H2Stream& which) {
  auto& lane = static_cast<Lane&>(which);
  if (lane.stream == nullptr) return;
  lane.request_done = true;
  if (lane.request->upgrade_websocket && !lane.stream->tunnel()) return;  // start_tunnel() tells it
  lane.stream->request_end();
  if (lane.stream != nullptr) arm_lane(lane);
}

void H2Session::on_drained(http::H2Stream& which) {
  auto& lane = static_cast<Lane&>(which);
  if (lane.stream != nullptr) lane.stream->client_drained();
}

void H2Session::on_closed(http::H2Stream& which) {
  auto& lane = static_cast<Lane&>(which);
  if (Stream* stream = lane.stream; stream != nullptr && !lane.begun) {
    lane.stream = nullptr;
    stream->forget();
  } else if (stream != nullptr) {
    stream->client_gone(lane.error != http::H1Error::kNone ? http::reason_of(lane.error)
                        : lane.reset_by_peer               ? std::string_view("client_reset")
                                                           : std::string_view("h2_stream_error"));
  }
  (lane.previous != nullptr ? lane.previous->next : lanes_) = lane.next;
  if (lane.next != nullptr) lane.next->previous = lane.previous;
  lane.~Lane();
  worker_.h2_memory.release(&lane);
  if (lanes_ == nullptr) arm_for_state();
}

void H2Session::pause_request(Stream& stream) { lane_of(stream).paused = true; }

void H2Session::resume_request(Stream& stream) {
  Lane& lane = lane_of(stream);
  lane.paused = false;
  codec_.consumed(lane, lane.unconsumed);
  ask_flush();
  arm_lane(lane);
}

// --- The response ------------------------------------------------------------------------------------------------------

void H2Session::send_interim(Stream& stream, const http::ResponseHead& head) {
  codec_.send_interim(lane_of(stream), head);
  ask_flush();
}

void H2Session::send_head(Stream& stream, http::ResponseHead& head, bool) {
  Lane& lane = lane_of(stream);
  lane.no_body = stream.request().method == http::Method::kHead;
  const bool empty = head.body.kind == http::Framing::kNone ||
                     (head.body.kind == http::Framing::kLength && head.body.length == 0);
  // A length of 0 does not rule out trailers in HTTP/2.
  const bool trailers_may_come = head.version == http::Version::kHttp2 && !head.ended &&
                                 head.body.kind == http::Framing::kLength;
  const bool end = head.status != 101 && (lane.no_body || (empty && !trailers_may_come));
  codec_.send_response(lane, head, lane.no_body || head.status == 304, end);
  ask_flush();
}

void H2Session::send_data(Stream& stream, std::string_view data) {
  Lane& lane = lane_of(stream);
  if (lane.no_body) return;
  codec_.send_data(lane, data);
  ask_flush();
  arm_lane(lane);
}

void H2Session::send_end(Stream& stream, const http::HeaderList* trailers) {
  codec_.send_end(lane_of(stream), trailers);
  ask_flush();
}

void H2Session::start_tunnel(Stream& stream) {
  Lane& lane = lane_of(stream);
  if (!lane.early.empty()) {
    const Buffer early = std::move(lane.early);
    stream.tunnel_data(early.view());
    worker_.io.flush();  // before `early` goes
    if (lane.stream == nullptr) return;
    if (!lane.paused) codec_.consumed(lane, lane.unconsumed);
    ask_flush();
  }
  if (lane.request_done) stream.request_end();
}

void H2Session::break_off(Stream& stream) {
  codec_.reset(lane_of(stream), kBroken);
  ask_flush();
}

void H2Session::stream_finished(Stream& stream, bool) {
  Lane& lane = lane_of(stream);
  lane.stream = nullptr;
  worker_.give_back(&stream);
  if (!lane.end_given) codec_.reset(lane, kBroken);
  codec_.ignore_rest(lane);
  lane.early.clear();
  ask_flush();
  if (!lane.dead) arm_lane(lane);
}

// One client that does not read must not fill the memory with all its streams together.
size_t H2Session::waiting(const Stream& stream) const {
  const size_t all = codec_.waiting();
  if (all <= limits::kH2QueuedBytes) return lane_of(stream).waiting();
  const_cast<H2Session*>(this)->throttled_ = true;
  return all;
}

// --- Time --------------------------------------------------------------------------------------------------------------

void H2Session::arm_lane(Lane& lane) {
  if (lane.dead) return;
  lane.left = lane.waiting();
  const bool awaits_body =
      lane.stream != nullptr && !lane.request_done && !lane.stream->responded() && !lane.paused;
  arm(lane.timer, awaits_body ? worker_.timeouts.request_body : worker_.timeouts.stream_idle);
}

void H2Session::on_lane_timer(Lane& lane) {
  if (lane.waiting() < lane.left) {
    arm_lane(lane);
    return;
  }
  Stream* stream = lane.stream;
  if (stream == nullptr) {
    codec_.reset(lane, http::H2Code::kCancel);
  } else if (stream->responded()) {
    codec_.reset(lane, kBroken);
    stream->client_gone("stream_idle");
  } else {
    const bool its_turn = !lane.request_done && !lane.paused;
    stream->request_failed(its_turn ? kRequestTimeout : kUpstreamTimeout);
  }
  ask_flush();
}

}  // namespace flagmesh::stream
