// What the workers and the main thread share about one feature container: health, breaker, limits, counts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/snapshot/container_spec.h"
#include "proxy/base/counter.h"
#include "proxy/net/address.h"
#include "proxy/net/tls_client.h"
#include "proxy/upstream/lease.h"

namespace flagmesh::upstream {

// One resolved endpoint. Written by the main thread (health checks, ejections), read by workers with relaxed loads.
struct EndpointState {
  EndpointState(net::Address where, std::string label, uint32_t share)
      : address(std::move(where)), name(std::move(label)), weight(share) {}

  const net::Address address;
  const std::string name;  // as configured: "127.0.0.1:7001"
  const uint32_t weight;
  std::atomic<bool> check_failed{false};  // active health checks say so
  std::atomic<bool> ejected{false};       // outlier detection says so

  bool healthy() const {
    return !check_failed.load(std::memory_order_relaxed) && !ejected.load(std::memory_order_relaxed);
  }
};

using EndpointList = std::vector<std::shared_ptr<EndpointState>>;

enum class BreakerState : uint8_t { kClosed, kOpen, kHalfOpen };
std::string_view breaker_state_name(BreakerState state);  // "closed", "open", "half_open"

// One worker's counts for one container. Written by that worker only.
struct alignas(64) ContainerShard {
  Counter requests;           // attempts sent
  Counter failures;           // attempts that count against the error rate: connect failure, reset, timeout, 5xx
  Counter connect_failures;
  std::array<Counter, 5> tls_failures;  // of these; by tls_failure_index()
  Counter retries;            // attempts after the first one of a request
  Counter overflows;          // not admitted: a limit of the circuit breaker
  Counter connections_opened;
  Counter active_connections;  // a gauge
  Counter active_requests;     // a gauge
};

// Made by the main thread when a configuration brings the container; lives while any snapshot or worker uses it. An equal spec in the
// next configuration keeps the same object.
class SharedContainer {
 public:
  SharedContainer(snapshot::ContainerSpec spec, uint32_t workers);

  const snapshot::ContainerSpec& spec() const { return spec_; }

  // The endpoints now. Main thread writes; workers take a copy when told that it changed (Container::refresh_endpoints).
  std::shared_ptr<const EndpointList> endpoints() const;
  void set_endpoints(std::shared_ptr<const EndpointList> endpoints);

  // With spec().tls: how to speak to the endpoints; never null then. The main thread replaces it when certificate files change; connections
  // go on with what they began with.
  std::shared_ptr<const net::TlsClient> tls() const;
  void set_tls(std::shared_ptr<const net::TlsClient> tls);

  // How many endpoints are healthy; kept by the main thread so that a request reads one number.
  uint32_t healthy_endpoints() const { return healthy_.load(std::memory_order_relaxed); }
  void recount_healthy();

  BreakerState breaker() const { return breaker_.load(std::memory_order_relaxed); }
  void set_breaker(BreakerState state) { breaker_.store(state, std::memory_order_relaxed); }

  ContainerShard& shard(uint32_t worker) { return shards_[worker]; }
  const std::vector<ContainerShard>& shards() const { return shards_; }

  LimitPool connections;
  LimitPool pending;
  LimitPool requests;
  LimitPool retries;
  // Trials while half-open: one at a time in the whole process.
  std::atomic<bool> trial_running{false};

 private:
  const snapshot::ContainerSpec spec_;
  mutable std::mutex mutex_;                         // not on the request path: endpoints change rarely
  std::shared_ptr<const EndpointList> endpoints_;    // guarded by mutex_
  std::shared_ptr<const net::TlsClient> tls_;        // guarded by mutex_
  std::atomic<uint32_t> healthy_{0};
  std::atomic<BreakerState> breaker_{BreakerState::kClosed};
  std::vector<ContainerShard> shards_;
};

}  // namespace flagmesh::upstream
