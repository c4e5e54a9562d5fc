// One feature container as one worker sees it: endpoints, balancing, idle connections, pending attempts, limits.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "proxy/base/random.h"
#include "proxy/event/deferred_delete.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/net/io_context.h"
#include "proxy/upstream/shared_container.h"
#include "proxy/upstream/upstream_connection.h"

namespace flagmesh::upstream {

// A worker's view of one endpoint.
struct Endpoint {
  std::shared_ptr<EndpointState> state;
  H2UpstreamConnection* h2 = nullptr;  // those that take further requests
  bool http2 = false;                  // protocol: http2, or auto and the newest connection had it
  UpstreamConnection* idle = nullptr;  // last used first: the warmest, and the surplus ages out
  uint32_t active = 0;                 // attempts under way (least_request)
  uint32_t connections = 0;            // open ones
  uint32_t consecutive_errors = 0;     // outlier detection
  int64_t current_weight = 0;          // smooth weighted round robin
  bool removed = false;                // not in the list any more: connections end when done
  std::unique_ptr<net::TlsSessionSlot> tls_session = nullptr;  // with TLS: the newest session

  bool healthy() const { return state->healthy(); }
};

// What the containers of a worker share.
struct UpstreamContext {
  net::IoContext& io;
  Rng& rng;
  const http::H1Limits& limits;
  uint32_t worker;
  http::H2Memory* h2_memory = nullptr;  // REQUIRED for containers that speak HTTP/2
  // Tells the main thread that an endpoint had too many consecutive errors. Called on the worker's thread.
  void (*report_outlier)(void* context, SharedContainer& container, EndpointState& endpoint) = nullptr;
  void* report_context = nullptr;
};

// Why a container may not be used for an attempt.
enum class Denial : uint8_t {
  kNone,
  kUnproven,       // the flag's state may not be used (filters/proof)
  kUnhealthy,      // too few healthy endpoints
  kBreakerOpen,    // error rate
  kTooManyRequests,  // max_requests in flight
};
std::string_view denial_name(Denial denial);  // "container_unhealthy", ...

// Reference-counted (not atomic: one thread): snapshots of the worker and connections hold it. Destroyed through the deferred deleter.
class Container final : public event::DeferredDeletable {
 public:
  Container(UpstreamContext& context, std::shared_ptr<SharedContainer> shared);
  ~Container() override;

  SharedContainer& shared() { return *shared_; }
  const snapshot::ContainerSpec& spec() const { return shared_->spec(); }
  const std::string& name() const { return spec().name; }
  ContainerShard& stats() { return stats_; }
  UpstreamContext& context() { return context_; }

  // --- Admission: is it worth an attempt? ---
  Denial check_health() const {
    return shared_->healthy_endpoints() >= spec().min_healthy ? Denial::kNone : Denial::kUnhealthy;
  }
  // Takes a place under max_requests (and the trial of a half-open breaker); give it back with release_admission().
  Denial enter_breaker(bool& is_trial);
  void release_admission(bool is_trial);
  // The trial has its outcome: the next one may begin. release_admission(false) then.
  void end_trial() { shared_->trial_running.store(false); }
  bool acquire_retry() { return retries_.acquire(); }
  void release_retry() { retries_.release(); }

  // --- Attempts ---
  enum class Acquired : uint8_t { kReady, kPending, kFailed };
  struct Attempt {
    Acquired how = Acquired::kFailed;
    UpstreamChannel* connection = nullptr;     // kReady: send now; kPending: null while queued, else connecting
    Failure failure = Failure::kOverflow;      // kFailed
  };
  // Picks an endpoint (never `avoid` when there is another) and a connection to it. kPending: on_ready() or on_failure() follows on a later
  // turn; cancel_pending() or UpstreamChannel::cancel() ends the wait. `fresh`: no reused connection. Who is queued is served first.
  Attempt acquire(UpstreamRequest& request, const Endpoint* avoid, bool fresh);
  void cancel_pending(UpstreamRequest& request);
  // Whether an endpoint other than `tried` is healthy: worth another attempt here.
  bool has_other_healthy(const Endpoint* tried) const;

  // The outcome of one attempt, for outlier detection and the error rate.
  void record(Endpoint& endpoint, bool success);

  // --- Life ---
  void add_ref() { ++references_; }
  void release_ref();
  // Takes over the shared list of endpoints after the main thread changed it.
  void refresh_endpoints();
  // The configuration no longer has it: idle connections are closed, used ones when their request ends.
  void retire();

 private:
  friend class UpstreamConnection;
  friend class H2UpstreamConnection;

  Endpoint* pick(const Endpoint* avoid);
  UpstreamConnection* take_idle(Endpoint& endpoint);
  UpstreamConnection* take_any_idle(const Endpoint* avoid);
  Endpoint* pick_weighted(const Endpoint* avoid);
  Endpoint* pick_least(const Endpoint* avoid);
  Endpoint* pick_last_resort(const Endpoint* avoid);
  void close_idle(Endpoint& endpoint);
  void put_idle(UpstreamConnection& connection);
  void remove_idle(UpstreamConnection& connection);
  void forget(UpstreamConnection& connection);  // it is closed
  // Null: `failure` says why.
  UpstreamConnection* open(Endpoint& endpoint, UpstreamRequest& request, Failure& failure);
  // HTTP/2: container_h2.cc.
  Attempt acquire_h2(UpstreamRequest& request, Endpoint& endpoint);
  UpstreamChannel* join_h2(UpstreamRequest& request, Endpoint& endpoint, bool& ready);
  UpstreamChannel* open_h2(UpstreamRequest& request, Endpoint& endpoint);
  H2UpstreamConnection& add_h2(std::unique_ptr<H2UpstreamConnection> connection, Endpoint& endpoint);
  // protocol: auto. The connection that `from` has opened turned out to speak HTTP/2: its request goes on there.
  void turn_to_h2(UpstreamConnection& from);
  bool serve_one_h2(UpstreamRequest& request);
  void close_idle_h2(Endpoint& endpoint);
  void retire_h2(Endpoint& endpoint);
  void forget_h2(Endpoint& endpoint);
  void h2_idle();
  void h2_place_free() {
    if (queue_head_ != nullptr) context_.io.loop().schedule(queue_task_);
  }
  Attempt wait(UpstreamRequest& request);
  void enqueue(UpstreamRequest& request);
  void dequeue(UpstreamRequest& request);
  void serve_queue();
  bool serve_one(UpstreamRequest& request);
  // Nobody is queued here, but another worker has nothing left to open one with.
  bool wanted_elsewhere() const { return queue_head_ == nullptr && shared_->connections.wanted(); }
  void look_at_idle();
  static constexpr MonoMs kQueueLookMs = 16;
  static constexpr MonoMs kIdleLookMs = 64;

  // Serves queued attempts when a connection became free, outside of the call that freed it.
  class QueueTask final : public event::TurnTask {
   public:
    explicit QueueTask(Container& container) : container_(container) {}

   private:
    void on_turn() override { container_.serve_queue(); }
    Container& container_;
  };

  UpstreamContext& context_;
  std::shared_ptr<SharedContainer> shared_;
  ContainerShard& stats_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Endpoint>> removed_;  // until the next change that finds their connections gone
  Lease connections_;
  Lease pending_;
  Lease requests_;
  Lease retries_;
  QueueTask queue_task_;
  event::Timer idle_timer_;   // while connections idle: another worker may want their places
  event::Timer queue_timer_;  // while somebody is queued: places that other workers gave back are not announced
  UpstreamRequest* queue_head_ = nullptr;
  UpstreamRequest* queue_tail_ = nullptr;
  UpstreamConnection* all_ = nullptr;
  uint32_t references_ = 0;
  uint32_t round_robin_ = 0;
  bool equal_weights_ = true;
  bool retired_ = false;
  bool http2_;  // of some endpoint
};

}  // namespace flagmesh::upstream
