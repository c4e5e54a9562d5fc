#include "proxy/stream/forward.h"

#include <algorithm>

#include "proxy/http/hop_by_hop.h"
#include "proxy/http/websocket_key.h"
#include "proxy/limits.h"
#include "proxy/stream/admission.h"
#include "proxy/stream/grpc.h"
#include "proxy/stream/message_headers.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

// So often another connection is asked when one said that it did not look at the request.
constexpr uint8_t kMostUnprocessed = 3;

constexpr std::string_view kWebSocketKey = "Sec-WebSocket-Key";
constexpr std::string_view kWebSocketAccept = "Sec-WebSocket-Accept";

// All of them as one list.
std::string_view connection_options_text(const http::HeaderList& headers, Arena& arena) {
  const http::Field* field = headers.find(http::HeaderId::kConnection);
  std::string_view list = field == nullptr ? std::string_view() : field->value;
  while (field != nullptr && (field = headers.next(field)) != nullptr) list = arena.join(list, ",", field->value);
  return list;
}

}  // namespace

Forward::Forward(Stream& stream)
    : stream_(stream), timer_([](void* self) { static_cast<Forward*>(self)->on_timer(); }, this) {}

Arena& Forward::arena() { return stream_.arena(); }

void Forward::set_admitted(upstream::Container& container, bool is_trial) {
  admitted_ = &container;
  trial_ = is_trial;
}

// --- The request -------------------------------------------------------------------------------------------------------

void Forward::start(bool request_ended) {
  request_ended_ = request_ended;
  const uint32_t timeout = stream_.decision().route->timeout;
  deadline_ = timeout == 0 ? 0 : stream_.now_ms() + timeout;
  if (is_grpc(stream_.request().headers)) [[unlikely]] keep_grpc_deadline();
  prepare_request(stream_);
  if (admitted_ == nullptr && !admit_from(stream_.decision().current)) {
    RouteDecision& decision = stream_.decision();
    fail(decision.count == 0 ? kNoState : error_for(decision.chosen().denied));
    return;
  }
  attempt(nullptr, false);
}

// The earlier one counts; the caller's holds for the whole call, not only up to the answer's head.
void Forward::keep_grpc_deadline() {
  const std::optional<uint64_t> timeout = grpc_timeout_ms(stream_.request().headers);
  if (!timeout) return;
  const MonoMs until = stream_.now_ms() + *timeout;
  grpc_deadline_ = deadline_ == 0 || until < deadline_;
  if (grpc_deadline_) deadline_ = until;
}

void Forward::attempt(const upstream::Endpoint* avoid, bool fresh) {
  ++attempts_;
  if (attempts_ > 1) admitted_->stats().retries.add();
  state_ = State::kWaiting;
  const upstream::Container::Attempt got = admitted_->acquire(*this, avoid, fresh);
  use(got.connection);
  if (got.how == upstream::Container::Acquired::kFailed) {
    on_failure(got.failure);
    return;
  }
  arm_timer();
  if (got.how == upstream::Container::Acquired::kReady) send();
}

void Forward::use(upstream::UpstreamChannel* connection) {
  connection_ = connection;
  endpoint_ = connection == nullptr ? nullptr : &connection->endpoint();
  if (endpoint_ != nullptr) endpoint_name_ = stream_.arena().copy(endpoint_->state->name);
}

void Forward::on_ready(upstream::UpstreamChannel& connection) {
  use(&connection);
  send();
}

void Forward::send() {
  state_ = State::kSent;
  http::RequestHead& request = stream_.request();
  if (request.upgrade_websocket) [[unlikely]] prepare_websocket(request);
  connection_->send_head(request, request.upgrade_websocket ? "upgrade" : "");
  if (!replay_.empty()) connection_->send_data(request.body.kind, replay_.view());
  if (request_ended_) connection_->send_end(request.body.kind, stream_.request_trailers());
  on_write_ready();
}

// HTTP/1 asks with a key, HTTP/2 does not.
void Forward::prepare_websocket(http::RequestHead& request) {
  if (request.version != http::Version::kHttp2 || connection_->is_http2()) return;
  request.headers.remove(kWebSocketKey);
  Rng& rng = stream_.worker().rng;
  const uint64_t random = rng.next();
  request.headers.add(arena(), http::HeaderId::kOther, kWebSocketKey, http::websocket_key(random, rng.next(), arena()));
}

// Whoever asked with a key hears the answer to it; the encoder leaves it out for HTTP/2.
void Forward::answer_websocket(http::ResponseHead& head) {
  if (!connection_->is_http2() || stream_.request().version == http::Version::kHttp2) return;
  const http::Field* key = stream_.request().headers.find(kWebSocketKey);
  if (key == nullptr) return;
  head.reason = reason_phrase(head.status);
  head.headers.add(arena(), http::HeaderId::kOther, kWebSocketAccept, http::websocket_accept(key->value, arena()));
}

void Forward::request_data(std::string_view data) {
  keep_for_replay(data);
  if (state_ == State::kWaiting) {
    if (replay_.size() >= limits::kRetryBodyBytes) pause_request();
    return;
  }
  if (connection_ == nullptr) return;  // the response ended before the request did
  connection_->send_data(stream_.request().body.kind, data);
  if (connection_->waiting() > limits::kBufferHighWatermark) pause_request();
}

// While there is no connection the bytes have to be kept anyhow; later only as long as another attempt would be allowed to use them.
void Forward::keep_for_replay(std::string_view data) {
  if (state_ == State::kWaiting) {
    replay_.append(data);
    return;
  }
  const bool useful = replayable_ && state_ == State::kSent && may_be_sent_again() &&
                      replay_.size() + data.size() <= limits::kRetryBodyBytes;
  if (useful) {
    replay_.append(data);
  } else {
    replayable_ = false;
  }
}

// An HTTP/2 peer may say that it has not looked at the request.
bool Forward::may_be_sent_again() const {
  return http::is_idempotent(stream_.request().method) || connection_->is_http2();
}

void Forward::pause_request() {
  if (request_paused_) return;
  request_paused_ = true;
  stream_.pause_request();
}

void Forward::on_write_ready() {
  if (!request_paused_) return;
  request_paused_ = false;
  stream_.resume_request();
}

void Forward::request_ended() {
  request_ended_ = true;
  if (connection_ == nullptr || state_ == State::kWaiting) return;
  if (state_ == State::kTunnel) {
    connection_->shutdown_write();
  } else {
    connection_->send_end(stream_.request().body.kind, stream_.request_trailers());
  }
}

void Forward::tunnel_data(std::string_view data) {
  if (connection_ == nullptr || request_ended_) return;
  connection_->send_raw(data);
  if (connection_->waiting() > limits::kBufferHighWatermark) pause_request();
}

// --- The response ------------------------------------------------------------------------------------------------------

void Forward::on_interim(const http::ResponseHead& head) {
  http::ResponseHead shown = head;
  http::remove_hop_by_hop(shown.headers);
  stream_.respond_interim(shown);
}

void Forward::on_head(http::ResponseHead& head) {
  record(head.status < 500);
  const uint8_t cause = head.status == 502   ? snapshot::kRetry502
                        : head.status == 503 ? snapshot::kRetry503
                        : head.status == 504 ? snapshot::kRetry504
                                             : 0;
  if (cause != 0 && retry(cause, false)) return;
  if (grpc_deadline_) {
    timer_.set(stream_.worker().io.loop().timers(), deadline_);
  } else {
    timer_.disarm();
  }
  state_ = head.status == 101 ? State::kTunnel : State::kResponding;
  nominated_ = head.body.kind == http::Framing::kChunked ? connection_options_text(head.headers, arena()) : "";
  prepare_response(stream_, head);
  if (state_ == State::kTunnel) answer_websocket(head);
  stream_.respond(head);
  if (state_ != State::kTunnel) return;
  request_ended_ = false;  // from now on: the tunnel in that direction
  stream_.start_tunnel();
}

void Forward::on_data(std::string_view data) {
  stream_.respond_data(data);
  pause_response_if_full();
}

void Forward::on_tunnel_data(std::string_view data) {
  stream_.send_tunnel_data(data);
  pause_response_if_full();
}

void Forward::pause_response_if_full() {
  if (connection_ == nullptr || response_paused_) return;
  if (stream_.downstream_waiting() <= limits::kBufferHighWatermark) return;
  response_paused_ = true;
  connection_->pause_reading();
}

void Forward::client_drained() {
  if (!response_paused_) return;
  response_paused_ = false;
  if (connection_ != nullptr) connection_->resume_reading();
}

void Forward::on_trailers(http::HeaderList& trailers) {
  http::remove_nominated(nominated_, trailers);
  stream_.respond_trailers(trailers);
}

void Forward::on_end() {
  connection_ = nullptr;
  stream_.respond_end();
}

// --- When it breaks ----------------------------------------------------------------------------------------------------

void Forward::on_failure(upstream::Failure failure) {
  connection_ = nullptr;
  if (state_ == State::kResponding || state_ == State::kTunnel) {
    record(false);
    stream_.break_off_response();
    return;
  }
  // The peer closed a kept-alive connection while the request was on its way: not a failure of the container. Once.
  if (failure == upstream::Failure::kStale && !resent_stale_ && may_send_again(false)) {
    resent_stale_ = true;
    attempt(nullptr, true);
    return;
  }
  // The peer did not look at it: a connection at its end, or a peer that has enough. Elsewhere, or later, it may do better.
  if (failure == upstream::Failure::kUnprocessed && resent_unprocessed_ < kMostUnprocessed && replayable_) {
    ++resent_unprocessed_;
    attempt(endpoint_, true);
    return;
  }
  if (failure == upstream::Failure::kNoDescriptor) {
    stream_.worker().stats.refused_for_files.add();
    fail(error_for(failure));
    return;
  }
  if (failure != upstream::Failure::kOverflow) record(false);
  const bool nothing_sent = state_ == State::kWaiting;
  if (retry(nothing_sent ? snapshot::kRetryConnectFailure : snapshot::kRetryReset, nothing_sent)) return;
  fail(error_for(failure));
}

void Forward::arm_timer() {
  const uint32_t per_try = stream_.decision().route->retries.per_try_timeout;
  MonoMs until = deadline_;
  if (per_try != 0) {
    const MonoMs try_ends = stream_.now_ms() + per_try;
    until = until == 0 ? try_ends : std::min(until, try_ends);
  }
  if (until != 0) timer_.set(stream_.worker().io.loop().timers(), until);
}

void Forward::on_timer() {
  if (changed_) {
    end_for_change();
    return;
  }
  if (state_ == State::kResponding) {
    end_grpc_call();
    return;
  }
  record(false);
  const bool out_of_time = deadline_ != 0 && stream_.now_ms() >= deadline_;
  if (!out_of_time && retry(snapshot::kRetryTimeout, state_ == State::kWaiting)) return;
  drop_attempt();
  fail(kUpstreamTimeout);
}

// The caller's time is over in the middle of the answer.
void Forward::end_grpc_call() {
  record(false);
  drop_attempt();
  http::HeaderList trailers;
  trailers.add(arena(), http::HeaderId::kOther, kGrpcStatusName, "4");
  trailers.add(arena(), http::HeaderId::kOther, kGrpcMessageName, kUpstreamTimeout.reason);
  stream_.respond_trailers(trailers);
  stream_.respond_end();
}

void Forward::end_after(MonoMs grace) {
  if (state_ != State::kResponding && state_ != State::kTunnel) return;
  changed_ = true;
  if (grace != 0) {
    timer_.set(stream_.worker().io.loop().timers(), stream_.now_ms() + grace);
  } else {
    request_ended_ = true;  // no last words
    end_for_change();
  }
}

// A response breaks off where it is, visibly. A tunnel ends in order: the container sees the client's end, and soon both are closed.
void Forward::end_for_change() {
  if (state_ == State::kTunnel && connection_ != nullptr && !request_ended_) {
    request_ended_ = true;
    connection_->shutdown_write();
    timer_.set(stream_.worker().io.loop().timers(), stream_.now_ms() + kLastWordsMs);
    return;
  }
  stream_.set_reason("variant_changed");
  if (state_ == State::kTunnel) {
    stream_.respond_end();
  } else {
    stream_.break_off_response();
  }
}

void Forward::drop_attempt() {
  if (queued) admitted_->cancel_pending(*this);
  if (connection_ != nullptr) connection_->cancel();
  connection_ = nullptr;
}

bool Forward::may_send_again(bool nothing_sent) const {
  if (!replayable_) return false;
  const http::RequestHead& request = stream_.request();
  return nothing_sent || http::is_idempotent(request.method);
}

// Another endpoint of the same container first, then the next candidate, then the same endpoint again. Where nothing was sent, the next
// candidate is tried whatever the policy says: it costs nobody anything.
bool Forward::retry(uint8_t cause, bool nothing_sent) {
  if (!may_send_again(nothing_sent)) return false;
  if (deadline_ != 0 && stream_.now_ms() >= deadline_) return false;
  const snapshot::RetryPolicy& policy = stream_.decision().route->retries;
  // The one resend after a stale connection was nobody's failure.
  const bool asked_for = (policy.on & cause) != 0 && attempts_ <= policy.attempts + resent_unprocessed_ + (resent_stale_ ? 1U : 0U);
  if (asked_for && admitted_->has_other_healthy(endpoint_) && retry_same_container(endpoint_)) return true;
  if ((asked_for || nothing_sent) && retry_next_candidate()) return true;
  return asked_for && !nothing_sent && retry_same_container(nullptr);
}

// The attempt so far is let go only when there is somewhere to go: its answer may still be what the client gets.
bool Forward::retry_next_candidate() {
  RouteDecision& decision = stream_.decision();
  for (uint8_t i = decision.current + 1; i < decision.count; ++i) {
    bool is_trial = false;
    if (admit(decision.candidates[i], is_trial) != upstream::Denial::kNone) continue;
    drop_attempt();
    release_admission();
    decision.chosen().denied = upstream::Denial::kUnhealthy;
    decision.current = i;
    set_admitted(*decision.candidates[i].container, is_trial);
    attempt(nullptr, false);
    return true;
  }
  return false;
}

bool Forward::retry_same_container(const upstream::Endpoint* avoid) {
  if (!retrying_ && !admitted_->acquire_retry()) return false;
  retrying_ = true;
  drop_attempt();
  attempt(avoid, true);
  return true;
}

// The first candidate from that one on that may have an attempt becomes the current one.
bool Forward::admit_from(uint8_t candidate) {
  RouteDecision& decision = stream_.decision();
  for (uint8_t i = candidate; i < decision.count; ++i) {
    bool is_trial = false;
    if (admit(decision.candidates[i], is_trial) != upstream::Denial::kNone) continue;
    decision.current = i;
    set_admitted(*decision.candidates[i].container, is_trial);
    return true;
  }
  return false;
}

void Forward::record(bool success) {
  if (admitted_ == nullptr || endpoint_ == nullptr) return;
  admitted_->record(*endpoint_, success);
  // The trial has its outcome: a long response or a tunnel must not hold up the next one.
  if (trial_) admitted_->end_trial();
  trial_ = false;
}

void Forward::release_admission() {
  if (admitted_ == nullptr) return;
  if (retrying_) admitted_->release_retry();
  admitted_->release_admission(trial_);
  admitted_ = nullptr;
  retrying_ = trial_ = false;
}

void Forward::fail(const LocalError& error) {
  timer_.disarm();
  stream_.local_reply(error);
}

void Forward::give_up() {
  timer_.disarm();
  drop_attempt();
  release_admission();
  endpoint_ = nullptr;
}

void Forward::reset() {
  give_up();
  replay_.clear();
  endpoint_name_ = nominated_ = {};
  deadline_ = 0;
  attempts_ = 0;
  state_ = State::kIdle;
  resent_unprocessed_ = 0;
  grpc_deadline_ = false;
  resent_stale_ = request_ended_ = request_paused_ = response_paused_ = changed_ = false;
  replayable_ = true;
}

}  // namespace flagmesh::stream
