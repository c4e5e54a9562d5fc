#include "proxy/worker.h"

#include <unistd.h>

#include "filters/circuit_breaker.h"
#include "filters/health.h"
#include "filters/proof.h"
#include "filters/rollout.h"
#include "proxy/stream/session_start.h"

namespace flagmesh {

Worker::Worker(WorkerOptions options, std::unique_ptr<event::Loop> loop)
    : options_(std::move(options)),
      loop_(std::move(loop)),
      io_(*loop_),
      context_(io_, options_.index, stats_),
      flags_(context_),
      ofrep_(*loop_, flags_, options_.ofrep) {
  context_.timeouts = options_.timeouts;
  context_.limits = options_.messages;
  context_.handshakes.max = options_.tls_handshakes;
  context_.forwarder = &forwarder_;
  context_.handlers["ofrep"] = &ofrep_adapter_;
  if (options_.connections != nullptr) context_.connection_places.emplace(*options_.connections);
  context_.filters.push_back(std::make_unique<filters::Rollout>());
  context_.filters.push_back(std::make_unique<filters::Proof>());
  context_.filters.push_back(std::make_unique<filters::Health>());
  context_.filters.push_back(std::make_unique<filters::CircuitBreaker>());
  context_.upstream.report_context = this;
  context_.upstream.report_outlier = [](void* self, upstream::SharedContainer& container,
                                        upstream::EndpointState& endpoint) {
    static_cast<Worker*>(self)->options_.report_outlier(container, endpoint);
  };
}

Result<std::unique_ptr<Worker>> Worker::create(WorkerOptions options) {
  Result<std::unique_ptr<event::Loop>> loop = event::Loop::create();
  if (!loop) return std::unexpected(loop.error());
  std::unique_ptr<Worker> worker(new Worker(std::move(options), std::move(*loop)));
  if (Status opened = worker->context_.access_log.open(*worker->loop_, worker->options_.access_log); !opened) {
    return std::unexpected(opened.error());
  }
  worker->context_.access_log.set_redact(worker->options_.redact);
  return worker;
}

Worker::~Worker() { stop(); }

void Worker::start() {
  thread_ = std::thread([this] {
    buffered_bytes = &stats_.buffered_bytes;
    loop_->run();
    shut_down_here();
    buffered_bytes = nullptr;
  });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
}

void Worker::shut_down_here() {
  listeners_.clear();
  sessions_.close_all();
  loop_->deleter().drain();
  if (context_.snapshot != nullptr) context_.snapshot->release_ref();
  context_.snapshot = nullptr;
  for (const auto& [shared, container] : containers_) {
    container->retire();
    container->release_ref();
  }
  containers_.clear();
  loop_->deleter().drain();
  context_.access_log.flush();
}

void Worker::set_listener(uint64_t id, stream::ListenerSettings settings) {
  loop_->post([this, id, next = std::move(settings)]() mutable {
    const auto known = listener_settings_.find(id);
    if (known != listener_settings_.end() && *known->second == next) return;
    listener_settings_.insert_or_assign(id, stream::ListenerRef(std::move(next)));
  });
}

void Worker::add_listener(uint64_t id, std::shared_ptr<net::ListenSocket> socket) {
  loop_->post([this, id, from = std::move(socket)] {
    auto listener = std::make_unique<net::Listener>(
        *loop_, from, [this, id](int client, const net::Address& peer) {
          stream::accept_connection(context_, sessions_, listener_settings_.at(id), client, peer);
        });
    listener->refuse_with(
        reserve_,
        [this, id] {
          // Who begins a handshake is told in TLS: an alert, internal_error (RFC 8446 §6).
          if (listener_settings_.at(id)->tls != nullptr) return std::string("\x15\x03\x03\x00\x02\x02\x50", 7);
          return stream::bare_response(stream::kTooManyConnections, loop_->date());
        },
        stats_.refused_for_files);
    if (listener->start()) listeners_.emplace(id, std::move(listener));
  });
}

void Worker::remove_listener(uint64_t id, std::function<void()> done) {
  loop_->post([this, id, tell = std::move(done)] {
    const auto [first, last] = listeners_.equal_range(id);
    for (auto at = first; at != last; ++at) at->second->drain_and_close();
    listeners_.erase(first, last);
    listener_settings_.erase(id);
    tell();
  });
}

void Worker::release_listener(uint64_t id) {
  loop_->post([this, id] {
    listeners_.erase(id);
    listener_settings_.erase(id);
  });
}

void Worker::apply(std::shared_ptr<const stream::ServedSnapshot> served, std::function<void()> applied) {
  loop_->post([this, next = std::move(served), tell = std::move(applied)]() mutable {
    apply_here(std::move(next));
    if (tell) tell();
  });
}

void Worker::apply_here(std::shared_ptr<const stream::ServedSnapshot> served) {
  std::vector<upstream::Container*> containers;
  std::unordered_map<upstream::SharedContainer*, upstream::Container*> kept;
  for (const auto& shared : served->containers) {
    const auto known = containers_.find(shared.get());
    upstream::Container* container = nullptr;
    if (known != containers_.end()) {
      container = known->second;
      containers_.erase(known);
    } else if (const auto twice = kept.find(shared.get()); twice != kept.end()) {
      container = twice->second;
    } else {
      container = new upstream::Container(context_.upstream, shared);
      container->add_ref();
    }
    kept[shared.get()] = container;
    containers.push_back(container);
  }
  for (const auto& [shared, container] : containers_) {
    container->retire();
    container->release_ref();
  }
  containers_ = std::move(kept);
  stream::WorkerSnapshot* before = context_.snapshot;
  context_.snapshot = new stream::WorkerSnapshot(
      std::move(served), std::move(containers),
      [](void* self, stream::WorkerSnapshot* unused) {
        static_cast<Worker*>(self)->options_.snapshot_unused(unused->take_served());
        delete unused;
      },
      this);
  if (before != nullptr) before->release_ref();
  ofrep_.flags_changed();
  context_.changes.snapshot_changed();
}

void Worker::set_on_change(stream::OnChange action, MonoMs grace) {
  loop_->post([this, action, grace] { context_.changes.set(action, grace, &filters::Rollout::variant_now); });
}

void Worker::set_max_buffered(uint64_t bytes) {
  loop_->post([this, bytes] { context_.max_buffered = bytes; });
}

void Worker::set_timeouts(stream::SessionTimeouts timeouts) {
  loop_->post([this, timeouts] { context_.timeouts = timeouts; });
}

void Worker::set_tls_handshakes(uint32_t max) {
  loop_->post([this, max] { context_.handshakes.max = max; });
}

void Worker::set_message_limits(http::H1Limits limits) {
  loop_->post([this, limits] { context_.limits = limits; });
}

void Worker::set_ofrep(ofrep::OfrepOptions options) {
  loop_->post([this, next = std::move(options)]() mutable { ofrep_.set_options(std::move(next)); });
}

void Worker::endpoints_changed(std::shared_ptr<upstream::SharedContainer> container) {
  loop_->post([this, shared = std::move(container)] {
    const auto at = containers_.find(shared.get());
    if (at != containers_.end()) at->second->refresh_endpoints();
  });
}

void Worker::reopen_access_log() {
  loop_->post([this] { context_.access_log.reopen(); });
}

void Worker::drain() {
  loop_->post([this] {
    context_.draining = true;
    ofrep_.drain();
    sessions_.expect_close();
  });
}

}  // namespace flagmesh
