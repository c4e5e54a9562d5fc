#include "proxy/stream/stream.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <memory>
#include <type_traits>

#include "proxy/base/time.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/stream/grpc.h"
#include "proxy/stream/max_forwards.h"
#include "proxy/stream/message_headers.h"

namespace flagmesh::stream {

using http::HeaderId;

namespace {

constexpr uint16_t kClientGoneStatus = 499;  // as nginx logs it; never sent

// In place: assigning a fresh one makes it elsewhere and copies it.
template <class T>
void renew(T& value) {
  static_assert(std::is_trivially_destructible_v<T>);
  std::construct_at(&value);
}

bool has_header(const void* context, std::string_view name, std::string_view value) {
  const auto& headers = *static_cast<const http::HeaderList*>(context);
  return std::ranges::any_of(headers, [&](const http::Field& field) {
    return !field.erased && field.value == value && field.name.size() == name.size() &&
           strncasecmp(field.name.data(), name.data(), name.size()) == 0;
  });
}

std::string_view decimal(Arena& arena, uint64_t number) {
  char* text = static_cast<char*>(arena.allocate(20, 1));
  return {text, static_cast<size_t>(std::to_chars(text, text + 20, number).ptr - text)};
}

}  // namespace

Stream::Stream(WorkerContext& worker) : worker_(worker), arena_(worker.blocks), forward_(*this) {}

LocalState& Stream::local_state() {
  if (local_ == nullptr) local_ = std::make_unique<LocalState>();
  if (local_->handle == nullptr) local_->handle = std::make_shared<Stream*>(this);
  return *local_;
}

// --- The request -------------------------------------------------------------------------------------------------------

void Stream::start(Session& session) {
  session_ = &session;
  started_ms_ = now_ms();
  worker_.stats.requests.add();
}

void Stream::begin(Session& session, bool end) {
  start(session);
  request_complete_ = end;
  // A local server is an origin: the fields are its handler's to read, as they came.
  client_ = worker_.sole_handler == nullptr ? identify_client(*this)
                                            : ClientIdentity{.ip = session.peer().ip, .https = session.peer().tls};
  ensure_request_id(*this);
  if (worker_.is_full()) [[unlikely]] {
    worker_.stats.refused_for_memory.add();
    local_reply(kOverloaded);
    return;
  }
  if (worker_.sole_handler != nullptr) {
    handler_ = worker_.sole_handler;
  } else {
    if (request_.headers.has(HeaderId::kMaxForwards) && answered_by_max_forwards(*this)) return;
    if (!route()) return;
    for (size_t i = 0; i < worker_.filters.size(); ++i) {
      worker_.stats.filter_calls[i].add();
      if (worker_.filters[i]->on_request(*this) == FilterResult::kReplied) return;
    }
  }
  handler_->on_head(*this, end);
}

void Stream::begin_denied(Session& session, bool end, const LocalError& error) {
  start(session);
  request_complete_ = end;
  client_ = identify_client(*this);
  ensure_request_id(*this);
  local_reply(error);
}

// False: replied.
bool Stream::route() {
  if (const net::TlsInfo* tls = session_->peer().tls_info.get();
      tls != nullptr && !request_.authority.empty() && !tls->covers(request_.authority)) {
    local_reply(kMisdirected);
    return false;
  }
  if (worker_.snapshot == nullptr) {
    local_reply(kNoState);
    return false;
  }
  snapshot_ = worker_.snapshot;
  snapshot_->add_ref();
  const snapshot::RouteQuery query{.host = request_.authority,
                                   .path = request_.path,
                                   .method = request_.method_text,
                                   .header = has_header,
                                   .context = &request_.headers};
  const snapshot::Route* found = snapshot().routes->match(query);
  if (found == nullptr) {
    local_reply(kNoRoute);
    return false;
  }
  decision_.route = found;
  decision_.flag = found->flag;
  body_limit_ = found->max_body;
  if (body_limit_ != 0 && request_.body.kind == http::Framing::kLength && request_.body.length > body_limit_) {
    local_reply(kBodyTooLarge);
    return false;
  }
  if (found->kind == snapshot::HandlerKind::kForward) {
    handler_ = worker_.forwarder;
    return true;
  }
  const auto local = worker_.handlers.find(found->handler);
  if (local == worker_.handlers.end()) {
    local_reply(kNoRoute);
    return false;
  }
  handler_ = local->second;
  return true;
}

void Stream::begin_refused(Session& session, const LocalError& error) {
  start(session);
  client_ = {.ip = session.peer().ip, .https = session.peer().tls};
  request_ = {};
  local_reply(error);
}

void Stream::begin_reset(Session& session, const LocalError& error) {
  start(session);
  request_ = {};
  client_ = {.ip = session.peer().ip, .https = session.peer().tls};
  status_ = error.status;
  reason_ = error.reason;
  worker_.stats.local_replies.add(error.reason);
  finish(false);
}

void Stream::forget() {
  request_ = {};
  trailers_.clear();
  arena_.reset();
  worker_.give_back(this);
}

void Stream::request_data(std::string_view data) {
  bytes_in_ += data.size();
  if (body_limit_ != 0 && bytes_in_ > body_limit_) {
    request_failed(kBodyTooLarge);
    return;
  }
  if (handler_ != nullptr) handler_->on_data(*this, data);
}

void Stream::request_trailers_came() {
  has_trailers_ = true;
  // Erased by now, but still there to be read.
  for (const http::Field& field : request_.headers) {
    if (field.id == HeaderId::kConnection) http::remove_nominated(field.value, trailers_);
  }
  if (handler_ != nullptr) handler_->on_trailers(*this, trailers_);
}

void Stream::request_end() {
  request_complete_ = true;
  if (handler_ != nullptr) handler_->on_end(*this);
}

void Stream::request_failed(const LocalError& error) {
  if (handler_ != nullptr) handler_->on_abort(*this);
  handler_ = nullptr;
  reason_ = error.reason;
  local_reply(error);
}

void Stream::client_gone(std::string_view reason) {
  if (handler_ != nullptr) handler_->on_abort(*this);
  handler_ = nullptr;
  reason_ = reason;
  finish(false);
}

// --- The response ------------------------------------------------------------------------------------------------------

void Stream::respond_interim(const http::ResponseHead& head) { session_->send_interim(*this, head); }

void Stream::respond(http::ResponseHead& head) {
  status_ = head.status;
  if (!head.headers.has(HeaderId::kDate)) {
    head.headers.add(arena_, HeaderId::kDate, worker_.io.loop().date());
  }
  if (decision_.route != nullptr) add_decision_fields(head);
  session_->send_head(*this, head, false);
  if (worker_.changes.on() && snapshot_ != nullptr && !decision_.flag.empty()) worker_.changes.add(*this);
  // No retry is possible any more: let the snapshot go, a long response shall not pin it. The head, which has views into it, is encoded;
  // what the log needs is copied.
  release_snapshot();
}

void Stream::add_decision_fields(http::ResponseHead& head) {
  if (!decision_.minted.empty()) set_sticky_cookie(head);
  const snapshot::Route& route = *decision_.route;
  if (!route.is_flag_route() || !route.decision_headers) return;
  add_decision(*this, head.headers);
  if (!reason_.empty()) return;  // a local reply said why already
  std::string_view reason;
  if (decision_.why != Why::kVariant) {
    reason = why_name(decision_.why);
  } else if (decision_.count != 0 && !decision_.chosen().by_variant) {
    reason = upstream::denial_name(decision_.candidates[0].denied);
  }
  if (!reason.empty()) head.headers.add(arena_, HeaderId::kXFlagmeshReason, reason);
}

void Stream::set_sticky_cookie(http::ResponseHead& head) {
  const std::string_view pair = arena_.join(decision_.route->mint_cookie, "=", decision_.minted);
  static constexpr std::string_view kAttributes[] = {
      "; Path=/; Max-Age=31536000; SameSite=Lax",
      "; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
      "; Path=/; Max-Age=31536000; SameSite=Lax; Secure",
      "; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly; Secure",
  };
  const size_t form = (decision_.route->mint_http_only ? 1U : 0U) + (client_.https ? 2U : 0U);
  head.headers.add(arena_, HeaderId::kSetCookie, arena_.join(pair, kAttributes[form]));
  // A shared cache must not hand one user's key to another. One more field: those that are there stay as they are.
  head.headers.add(arena_, HeaderId::kCacheControl, "private");
}

void Stream::respond_data(std::string_view data) {
  bytes_out_ += data.size();
  session_->send_data(*this, data);
}

void Stream::respond_trailers(http::HeaderList& trailers) {
  response_trailers_ = trailers;
  has_response_trailers_ = true;
}

void Stream::respond_end() {
  session_->send_end(*this, has_response_trailers_ ? &response_trailers_ : nullptr);
  handler_ = nullptr;
  finish(request_complete_ && !must_close_ && !tunnel_);
}

void Stream::local_reply(const LocalError& error) {
  reason_ = error.reason;
  worker_.stats.local_replies.add(error.reason);
  if (responded()) {
    break_off_response();
    return;
  }
  must_close_ = must_close_ || error.close || !request_complete_;
  http::HeaderList more;
  if (error.retry_after != 0) more.add(arena_, HeaderId::kRetryAfter, decimal(arena_, error.retry_after));
  more.add(arena_, HeaderId::kXFlagmeshReason, error.reason);
  if (is_grpc(request_.headers)) {
    more.add(arena_, HeaderId::kOther, kGrpcStatusName, decimal(arena_, grpc_status(error)));
    more.add(arena_, HeaderId::kOther, kGrpcMessageName, error.reason);
    local_response(200, "application/grpc", {}, &more);
    return;
  }
  const std::string_view status = decimal(arena_, error.status);
  const std::string_view body =
      arena_.join(arena_.join(status, " ", reason_phrase(error.status), ": "), error.reason, "\n");
  local_response(error.status, "text/plain; charset=utf-8", body, &more);
}

void Stream::local_response(uint16_t status, std::string_view content_type, std::string_view body,
                            const http::HeaderList* more) {
  http::ResponseHead head;
  head.status = status;
  head.reason = reason_phrase(status);
  const bool bodiless = status == 204 || status == 304;
  if (!bodiless) head.body = {http::Framing::kLength, body.size()};
  if (!content_type.empty() && !bodiless) head.headers.add(arena_, HeaderId::kContentType, content_type);
  if (more != nullptr) {
    for (const http::Field& field : *more) head.headers.add(arena_, field.id, field.name, field.value);
  }
  if (!request_complete_) must_close_ = true;
  respond(head);
  if (request_.method != http::Method::kHead && !bodiless) respond_data(body);
  respond_end();
}

void Stream::start_tunnel() {
  tunnel_ = true;
  session_->start_tunnel(*this);
}

void Stream::send_tunnel_data(std::string_view data) {
  bytes_out_ += data.size();
  session_->send_tunnel_data(*this, data);
}

void Stream::break_off_response() {
  if (reason_.empty()) reason_ = "upstream_truncated";
  handler_ = nullptr;
  session_->break_off(*this);
  finish(false);
}

// --- The end -----------------------------------------------------------------------------------------------------------

void Stream::variant_changed(MonoMs grace) { forward_.end_after(grace); }

void Stream::release_snapshot() {
  if (snapshot_ == nullptr) return;
  decision_.flag = arena_.copy(decision_.flag);
  decision_.variant = arena_.copy(decision_.variant);
  decision_.variant_lines = decision_.epoch_line = {};
  decision_.route = nullptr;
  WorkerSnapshot* held = snapshot_;
  snapshot_ = nullptr;
  held->release_ref();
}

Stream::Facts Stream::facts() const {
  const MonoMs duration = now_ms() - started_ms_;
  return {.status = status_ == 0 ? kClientGoneStatus : status_,
          .reason = reason_,
          .bytes_in = bytes_in_,
          .bytes_out = bytes_out_,
          .started_unix_ms = unix_millis() - static_cast<int64_t>(duration),
          .duration_ms = duration};
}

void Stream::count_response() {
  WorkerStats& stats = worker_.stats;
  const size_t kind = status_ / 100;
  stats.responses[kind < stats.responses.size() ? kind : 0].add();
  stats.bytes_in.add(bytes_in_);
  stats.bytes_out.add(bytes_out_);
  const MonoMs duration = now_ms() - started_ms_;
  stats.duration[std::min<size_t>(static_cast<size_t>(std::bit_width(duration)), stats.duration.size() - 1)].add();
  stats.duration_sum_ms.add(duration);
}

void Stream::finish(bool reusable) {
  if (worker_.access_log.enabled()) worker_.access_log.write(*this);
  count_response();
  if (watch_.watched) worker_.changes.remove(*this);
  forward_.reset();
  release_snapshot();
  if (local_ != nullptr && local_->handle != nullptr) {
    *local_->handle = nullptr;
    local_->handle.reset();
    local_->body = {};
  }
  Session* session = session_;
  session_ = nullptr;
  handler_ = nullptr;
  renew(request_);
  trailers_.clear();
  response_trailers_.clear();
  renew(decision_);
  client_ = {};
  reason_ = request_id_ = targeting_key_ = {};
  body_limit_ = bytes_in_ = bytes_out_ = 0;
  status_ = 0;
  request_complete_ = has_trailers_ = has_response_trailers_ = tunnel_ = must_close_ = false;
  arena_.reset();
  session->stream_finished(*this, reusable);
}

}  // namespace flagmesh::stream
