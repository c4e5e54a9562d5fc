#include "proxy/upstream/container.h"

#include <algorithm>

namespace flagmesh::upstream {

std::string_view denial_name(Denial denial) {
  switch (denial) {
    case Denial::kNone: return "";
    case Denial::kUnproven: return "unproven";
    case Denial::kUnhealthy: return "container_unhealthy";
    case Denial::kBreakerOpen: return "circuit_open";
    case Denial::kTooManyRequests: return "too_many_requests";
  }
  return "";
}

Container::Container(UpstreamContext& context, std::shared_ptr<SharedContainer> shared)
    : context_(context),
      shared_(std::move(shared)),
      stats_(shared_->shard(context.worker)),
      connections_(shared_->connections),
      pending_(shared_->pending),
      requests_(shared_->requests),
      retries_(shared_->retries),
      queue_task_(*this),
      idle_timer_([](void* self) { static_cast<Container*>(self)->look_at_idle(); }, this),
      queue_timer_([](void* self) { static_cast<Container*>(self)->serve_queue(); }, this),
      http2_(spec().protocol == snapshot::UpstreamProtocol::kHttp2) {
  refresh_endpoints();
}

Container::~Container() {
  while (all_ != nullptr) {
    UpstreamConnection* connection = all_;
    forget(*connection);
    delete connection;
  }
  if (queue_head_ != nullptr) shared_->connections.unwant();
}

void Container::release_ref() {
  if (--references_ > 0) return;
  context_.io.loop().deleter().push(std::unique_ptr<event::DeferredDeletable>(this));
}

// --- Admission ---------------------------------------------------------------------------------------------------------

Denial Container::enter_breaker(bool& is_trial) {
  is_trial = false;
  const BreakerState state = shared_->breaker();
  if (state != BreakerState::kClosed) [[unlikely]] {
    if (state == BreakerState::kOpen || shared_->trial_running.exchange(true)) return Denial::kBreakerOpen;
    is_trial = true;
  }
  if (!requests_.acquire()) {
    if (is_trial) shared_->trial_running.store(false);
    stats_.overflows.add();
    return Denial::kTooManyRequests;
  }
  stats_.active_requests.add();
  return Denial::kNone;
}

void Container::release_admission(bool is_trial) {
  requests_.release();
  stats_.active_requests.sub();
  if (is_trial) shared_->trial_running.store(false);
}

void Container::record(Endpoint& endpoint, bool success) {
  stats_.requests.add();
  if (success) {
    endpoint.consecutive_errors = 0;
    return;
  }
  stats_.failures.add();
  const uint32_t limit = spec().outlier_detection.consecutive_errors;
  if (limit == 0 || ++endpoint.consecutive_errors < limit) return;
  endpoint.consecutive_errors = 0;
  if (context_.report_outlier != nullptr) {
    context_.report_outlier(context_.report_context, *shared_, *endpoint.state);
  }
}

// --- Balancing ---------------------------------------------------------------------------------------------------------

bool Container::has_other_healthy(const Endpoint* tried) const {
  return std::ranges::any_of(endpoints_,
                             [&](const auto& e) { return e.get() != tried && e->healthy(); });
}

Endpoint* Container::pick(const Endpoint* avoid) {
  if (endpoints_.empty()) return nullptr;
  if (endpoints_.size() == 1) return endpoints_[0].get();
  // With nobody healthy, trying is better than refusing: the checks may be wrong (Envoy's panic mode).
  switch (spec().load_balancing) {
    case snapshot::LoadBalancing::kLeastRequest: return pick_least(avoid);
    case snapshot::LoadBalancing::kRandom: round_robin_ = context_.rng.below(static_cast<uint32_t>(endpoints_.size())); break;
    default: break;
  }
  if (!equal_weights_) return pick_weighted(avoid);
  const size_t count = endpoints_.size();
  for (size_t i = 0; i < count; ++i) {
    round_robin_ = (round_robin_ + 1) % static_cast<uint32_t>(count);
    Endpoint* endpoint = endpoints_[round_robin_].get();
    if (endpoint->healthy() && endpoint != avoid) return endpoint;
  }
  return pick_last_resort(avoid);
}

// No other one is healthy: `avoid` if it is, else any.
Endpoint* Container::pick_last_resort(const Endpoint* avoid) {
  for (const auto& endpoint : endpoints_) {
    if (endpoint.get() == avoid && endpoint->healthy()) return endpoint.get();
  }
  const auto count = static_cast<uint32_t>(endpoints_.size());
  const uint32_t at = context_.rng.below(count);
  return endpoints_[endpoints_[at].get() == avoid ? (at + 1) % count : at].get();
}

// Smooth weighted round robin: each endpoint gains its weight, the richest is chosen and pays the total.
Endpoint* Container::pick_weighted(const Endpoint* avoid) {
  Endpoint* best = nullptr;
  int64_t total = 0;
  for (const auto& endpoint : endpoints_) {
    if (!endpoint->healthy() || endpoint.get() == avoid) continue;
    endpoint->current_weight += endpoint->state->weight;
    total += endpoint->state->weight;
    if (best == nullptr || endpoint->current_weight > best->current_weight) best = endpoint.get();
  }
  if (best == nullptr) return pick_last_resort(avoid);
  best->current_weight -= total;
  return best;
}

// Fewest attempts under way for its weight; the search begins at a rotating place so that ties spread.
Endpoint* Container::pick_least(const Endpoint* avoid) {
  const size_t count = endpoints_.size();
  Endpoint* best = nullptr;
  ++round_robin_;
  for (size_t i = 0; i < count; ++i) {
    Endpoint* endpoint = endpoints_[(round_robin_ + i) % count].get();
    if (!endpoint->healthy() || endpoint == avoid) continue;
    if (best == nullptr || uint64_t{endpoint->active} * best->state->weight <
                               uint64_t{best->active} * endpoint->state->weight) {
      best = endpoint;
    }
  }
  return best != nullptr ? best : pick_last_resort(avoid);
}

// --- Connections -------------------------------------------------------------------------------------------------------

Container::Attempt Container::acquire(UpstreamRequest& request, const Endpoint* avoid, bool fresh) {
  Endpoint* endpoint = pick(avoid);
  if (endpoint == nullptr) return {.how = Acquired::kFailed, .failure = Failure::kConnect};
  if (queue_head_ != nullptr) return wait(request);
  if (endpoint->http2) [[unlikely]] return acquire_h2(request, *endpoint);
  if (!fresh) {
    if (UpstreamConnection* idle = take_idle(*endpoint)) {
      idle->attach(request);
      return {.how = Acquired::kReady, .connection = idle};
    }
  }
  bool may_open = connections_.acquire();
  if (!may_open) {
    if (UpstreamConnection* idle = take_any_idle(avoid)) {
      if (!fresh) {
        idle->attach(request);
        return {.how = Acquired::kReady, .connection = idle};
      }
      idle->dispose();  // makes room for a fresh one
      may_open = connections_.acquire();
    }
  }
  if (may_open) {
    Failure failure = Failure::kConnect;
    UpstreamConnection* opening = open(*endpoint, request, failure);
    if (opening == nullptr) return {.how = Acquired::kFailed, .failure = failure};
    return {.how = Acquired::kPending, .connection = opening};
  }
  return wait(request);
}

Container::Attempt Container::wait(UpstreamRequest& request) {
  if (!pending_.acquire()) {
    stats_.overflows.add();
    return {.how = Acquired::kFailed, .failure = Failure::kOverflow};
  }
  enqueue(request);
  return {.how = Acquired::kPending};
}

UpstreamConnection* Container::open(Endpoint& endpoint, UpstreamRequest& request, Failure& failure) {
  auto connection = std::make_unique<UpstreamConnection>(*this, endpoint);
  if (Status begun = connection->connect(request); !begun) {
    connections_.release();
    // What we lack is not the endpoint's failure.
    failure = begun.error().code == "no_descriptor" ? Failure::kNoDescriptor : Failure::kConnect;
    if (failure == Failure::kNoDescriptor) return nullptr;
    stats_.connect_failures.add();
    record(endpoint, false);
    return nullptr;
  }
  UpstreamConnection* opened = connection.release();
  ++endpoint.connections;
  opened->all_next_ = all_;
  if (all_ != nullptr) all_->all_previous_ = opened;
  all_ = opened;
  add_ref();
  stats_.connections_opened.add();
  stats_.active_connections.add();
  return opened;
}

UpstreamConnection* Container::take_idle(Endpoint& endpoint) {
  UpstreamConnection* connection = endpoint.idle;
  if (connection != nullptr) remove_idle(*connection);
  return connection;
}

UpstreamConnection* Container::take_any_idle(const Endpoint* avoid) {
  Endpoint* avoided = nullptr;
  for (const auto& endpoint : endpoints_) {
    if (!endpoint->healthy() || endpoint->idle == nullptr) continue;
    if (endpoint.get() != avoid) return take_idle(*endpoint);
    avoided = endpoint.get();
  }
  return avoided == nullptr ? nullptr : take_idle(*avoided);
}

void Container::put_idle(UpstreamConnection& connection) {
  Endpoint& endpoint = connection.endpoint_;
  connection.state_ = UpstreamConnection::State::kIdle;
  connection.idle_next_ = endpoint.idle;
  connection.idle_previous_ = nullptr;
  if (endpoint.idle != nullptr) endpoint.idle->idle_previous_ = &connection;
  endpoint.idle = &connection;
  event::Loop& loop = context_.io.loop();
  connection.timer_.set(loop.timers(), loop.now_ms() + spec().idle_timeout);
  if (!idle_timer_.armed()) idle_timer_.set(loop.timers(), loop.now_ms() + kIdleLookMs);
  if (queue_head_ != nullptr) loop.schedule(queue_task_);
}

// Idle connections hold places; they are closed when another worker has requests that wait for one.
void Container::look_at_idle() {
  if (wanted_elsewhere()) {
    for (const auto& endpoint : endpoints_) close_idle(*endpoint);
    return;
  }
  const bool any = std::ranges::any_of(
      endpoints_, [](const auto& endpoint) { return endpoint->idle != nullptr || endpoint->h2 != nullptr; });
  event::Loop& loop = context_.io.loop();
  if (any) idle_timer_.set(loop.timers(), loop.now_ms() + kIdleLookMs);
}

void Container::remove_idle(UpstreamConnection& connection) {
  if (connection.idle_previous_ != nullptr) {
    connection.idle_previous_->idle_next_ = connection.idle_next_;
  } else {
    connection.endpoint_.idle = connection.idle_next_;
  }
  if (connection.idle_next_ != nullptr) connection.idle_next_->idle_previous_ = connection.idle_previous_;
  connection.idle_next_ = connection.idle_previous_ = nullptr;
  connection.timer_.disarm();
}

void Container::close_idle(Endpoint& endpoint) {
  while (UpstreamConnection* connection = take_idle(endpoint)) connection->dispose();
  if (endpoint.h2 != nullptr) close_idle_h2(endpoint);
}

void Container::forget(UpstreamConnection& connection) {
  if (connection.all_previous_ != nullptr) {
    connection.all_previous_->all_next_ = connection.all_next_;
  } else {
    all_ = connection.all_next_;
  }
  if (connection.all_next_ != nullptr) connection.all_next_->all_previous_ = connection.all_previous_;
  --connection.endpoint_.connections;
  connections_.release();
  stats_.active_connections.sub();
  if (queue_head_ != nullptr) context_.io.loop().schedule(queue_task_);
}

// --- Pending -----------------------------------------------------------------------------------------------------------

void Container::enqueue(UpstreamRequest& request) {
  if (queue_head_ == nullptr) {
    shared_->connections.want();
    event::Loop& loop = context_.io.loop();
    queue_timer_.set(loop.timers(), loop.now_ms() + kQueueLookMs);
  }
  request.queued = true;
  request.queue_next = nullptr;
  request.queue_previous = queue_tail_;
  (queue_tail_ != nullptr ? queue_tail_->queue_next : queue_head_) = &request;
  queue_tail_ = &request;
}

void Container::dequeue(UpstreamRequest& request) {
  (request.queue_previous != nullptr ? request.queue_previous->queue_next : queue_head_) = request.queue_next;
  (request.queue_next != nullptr ? request.queue_next->queue_previous : queue_tail_) = request.queue_previous;
  request.queue_next = request.queue_previous = nullptr;
  request.queued = false;
  pending_.release();
  if (queue_head_ != nullptr) return;
  shared_->connections.unwant();
  queue_timer_.disarm();
}

void Container::cancel_pending(UpstreamRequest& request) {
  if (request.queued) dequeue(request);
}

void Container::serve_queue() {
  while (queue_head_ != nullptr && serve_one(*queue_head_)) {
  }
  if (queue_head_ == nullptr) return;
  event::Loop& loop = context_.io.loop();
  queue_timer_.set(loop.timers(), loop.now_ms() + kQueueLookMs);
}

// False when there is nothing to serve it with.
bool Container::serve_one(UpstreamRequest& request) {
  if (http2_ && spec().protocol == snapshot::UpstreamProtocol::kHttp2) return serve_one_h2(request);
  if (UpstreamConnection* idle = take_any_idle(nullptr)) {
    dequeue(request);
    idle->attach(request);
    request.on_ready(*idle);
    return true;
  }
  if (http2_) return serve_one_h2(request);
  if (!endpoints_.empty() && !connections_.acquire()) return false;
  dequeue(request);
  Endpoint* endpoint = pick(nullptr);
  Failure failure = Failure::kConnect;
  UpstreamConnection* opening = endpoint == nullptr ? nullptr : open(*endpoint, request, failure);
  if (opening != nullptr) {
    request.on_connecting(*opening);
  } else {
    request.on_failure(failure);
  }
  return true;
}

// --- Life --------------------------------------------------------------------------------------------------------------

void Container::refresh_endpoints() {
  const std::shared_ptr<const EndpointList> list = shared_->endpoints();
  std::vector<std::unique_ptr<Endpoint>> next;
  next.reserve(list->size());
  for (const auto& state : *list) {
    const auto known = std::ranges::find_if(
        endpoints_, [&](const auto& e) { return e != nullptr && e->state == state; });
    if (known != endpoints_.end()) {
      next.push_back(std::move(*known));
    } else {
      next.push_back(std::make_unique<Endpoint>(Endpoint{.state = state}));
      next.back()->http2 = spec().protocol == snapshot::UpstreamProtocol::kHttp2;
    }
  }
  std::erase_if(removed_, [](const auto& gone) { return gone->connections == 0; });
  for (auto& gone : endpoints_) {
    if (gone == nullptr) continue;
    gone->removed = true;
    close_idle(*gone);
    retire_h2(*gone);
    removed_.push_back(std::move(gone));
  }
  endpoints_ = std::move(next);
  equal_weights_ = std::ranges::all_of(
      endpoints_, [&](const auto& e) { return e->state->weight == endpoints_[0]->state->weight; });
  if (queue_head_ != nullptr) context_.io.loop().schedule(queue_task_);
}

void Container::retire() {
  retired_ = true;
  for (const auto& endpoint : endpoints_) {
    close_idle(*endpoint);
    retire_h2(*endpoint);
  }
}

}  // namespace flagmesh::upstream
