// A container that speaks HTTP/2: requests share few connections.
#include <unistd.h>

#include "proxy/upstream/container.h"

namespace flagmesh::upstream {

Container::Attempt Container::acquire_h2(UpstreamRequest& request, Endpoint& endpoint) {
  bool ready = false;
  if (UpstreamChannel* joined = join_h2(request, endpoint, ready)) {
    return {.how = ready ? Acquired::kReady : Acquired::kPending, .connection = joined};
  }
  if (!connections_.acquire()) return wait(request);
  UpstreamChannel* opening = open_h2(request, endpoint);
  if (opening == nullptr) return {.how = Acquired::kFailed, .failure = Failure::kConnect};
  return {.how = Acquired::kPending, .connection = opening};
}

// A place on a connection that is there, or will be.
UpstreamChannel* Container::join_h2(UpstreamRequest& request, Endpoint& endpoint, bool& ready) {
  for (H2UpstreamConnection* c = endpoint.h2; c != nullptr; c = c->next_) {
    if (!c->has_room()) continue;
    ready = !c->connecting();
    return &c->attach(request);
  }
  return nullptr;
}

// REQUIRES: a place under max_connections was taken; it is given back when this fails.
UpstreamChannel* Container::open_h2(UpstreamRequest& request, Endpoint& endpoint) {
  auto connection = std::make_unique<H2UpstreamConnection>(*this, endpoint);
  if (!connection->connect()) {
    stats_.connect_failures.add();
    connections_.release();
    record(endpoint, false);
    return nullptr;
  }
  return &add_h2(std::move(connection), endpoint).attach(request);
}

H2UpstreamConnection& Container::add_h2(std::unique_ptr<H2UpstreamConnection> connection, Endpoint& endpoint) {
  H2UpstreamConnection* opened = connection.release();
  opened->linked_ = true;
  opened->next_ = endpoint.h2;
  if (endpoint.h2 != nullptr) endpoint.h2->previous_ = opened;
  endpoint.h2 = opened;
  ++endpoint.connections;
  add_ref();
  stats_.connections_opened.add();
  stats_.active_connections.add();
  return *opened;
}

void Container::turn_to_h2(UpstreamConnection& from) {
  Endpoint& endpoint = from.endpoint_;
  UpstreamRequest& request = *from.request_;
  net::Connection::Detached socket = from.connection_.detach();
  add_ref();  // `from` has one as long as it lives
  from.cancel();
  endpoint.http2 = http2_ = true;
  auto connection = std::make_unique<H2UpstreamConnection>(*this, endpoint);
  // The place that was given back is there again, unless the configuration has fewer now.
  const bool place = connections_.acquire();
  if (!place) ::close(socket.fd);
  if (place && connection->adopt(std::move(socket))) {
    request.on_ready(add_h2(std::move(connection), endpoint).attach(request));
  } else {
    if (place) connections_.release();
    request.on_failure(place ? Failure::kConnect : Failure::kOverflow);
  }
  release_ref();
}

bool Container::serve_one_h2(UpstreamRequest& request) {
  Endpoint* endpoint = pick(nullptr);
  bool ready = false;
  if (endpoint != nullptr && !endpoint->http2) {  // protocol: auto
    if (!connections_.acquire()) return false;
    dequeue(request);
    Failure failure = Failure::kConnect;
    UpstreamConnection* opening = open(*endpoint, request, failure);
    opening != nullptr ? request.on_connecting(*opening) : request.on_failure(failure);
    return true;
  }
  if (endpoint != nullptr) {
    if (UpstreamChannel* joined = join_h2(request, *endpoint, ready)) {
      dequeue(request);
      ready ? request.on_ready(*joined) : request.on_connecting(*joined);
      return true;
    }
    if (!connections_.acquire()) return false;
  }
  dequeue(request);
  UpstreamChannel* opening = endpoint == nullptr ? nullptr : open_h2(request, *endpoint);
  if (opening != nullptr) {
    request.on_connecting(*opening);
  } else {
    request.on_failure(Failure::kConnect);
  }
  return true;
}

void Container::close_idle_h2(Endpoint& endpoint) {
  for (H2UpstreamConnection* c = endpoint.h2; c != nullptr;) {
    H2UpstreamConnection* next = c->next_;
    if (c->idle() && !c->connecting()) c->dispose();
    c = next;
  }
}

void Container::retire_h2(Endpoint& endpoint) {
  while (endpoint.h2 != nullptr) endpoint.h2->retire();
}

void Container::forget_h2(Endpoint& endpoint) {
  --endpoint.connections;
  connections_.release();
  stats_.active_connections.sub();
  h2_place_free();
}

void Container::h2_idle() {
  event::Loop& loop = context_.io.loop();
  if (!idle_timer_.armed()) idle_timer_.set(loop.timers(), loop.now_ms() + kIdleLookMs);
}

}  // namespace flagmesh::upstream
