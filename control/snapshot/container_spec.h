// What the configuration says about one feature container: plain values, immutable once they are
// part of a Snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flagmesh::snapshot {

// Durations of this box are milliseconds; 0 means "no limit" only where a field says so.
using Millis = uint32_t;

// One address that serves the container. Exactly one form is set:
//   host + port   host is an IPv4 or IPv6 literal (no brackets) or a name that is resolved again as
//   its TTL says unix_path     absolute path of a stream socket; host is empty, port 0
struct EndpointSpec {
  std::string host = {};
  uint16_t port = 0;
  std::string unix_path = {};
  uint32_t weight = 1;  // 1..65535, relative to the container's other endpoints

  // As the configuration writes it: "127.0.0.1:7001", "[::1]:7001", "unix:/run/web.sock".
  std::string text() const;
  bool operator==(const EndpointSpec&) const = default;
};

enum class UpstreamProtocol : uint8_t { kHttp1, kHttp2, kAuto };
enum class LoadBalancing : uint8_t { kRoundRobin, kLeastRequest, kRandom, kRingHash, kMaglev };

// Active check: GET `path`, 200..399 is healthy. Endpoints start healthy, so that a start does not
// wait for a round.
struct HealthCheckSpec {
  std::string path = "/";
  Millis interval = 2'000;  // between the end of a check and the next one, with jitter
  Millis timeout = 1'000;
  uint32_t unhealthy_after = 3;  // consecutive failures
  uint32_t healthy_after = 2;    // consecutive successes

  bool operator==(const HealthCheckSpec&) const = default;
};

// Passive: what real requests show. Connect failures, resets, timeouts and 5xx are errors.
struct OutlierSpec {
  uint32_t consecutive_errors = 5;  // 0: off
  Millis base_ejection = 30'000;    // times the number of ejections so far
  uint32_t max_ejection_percent =
      50;  // of the endpoints; one may always be ejected when there are several

  bool operator==(const OutlierSpec&) const = default;
};

// Limits are per process and container, not per worker.
struct CircuitBreakerSpec {
  uint32_t max_connections = 1'024;
  uint32_t max_pending = 1'024;   // requests that wait for a connection
  uint32_t max_requests = 1'024;  // in flight
  uint32_t max_retries = 3;       // retries in flight
  double error_rate =
      0.5;  // share of failed requests in `window` that opens it, 0..1; 0: never opens
  Millis window = 10'000;
  uint32_t min_requests = 20;  // fewer in the window never open it
  Millis open_for = 5'000;     // then half-open: trials decide

  bool operator==(const CircuitBreakerSpec&) const = default;
};

// TLS to the endpoints. Paths are as configured, resolved against the configuration file's folder.
struct UpstreamTlsSpec {
  std::string ca;           // PEM; empty: the system's
  std::string server_name;  // verified and sent as SNI; empty: the endpoint's host
  std::string cert;         // client certificate and key, both or none
  std::string key;
  bool verify = true;  // the endpoint's certificate, by authority and name

  bool operator==(const UpstreamTlsSpec&) const = default;
};

struct ContainerSpec {
  std::string name = {};  // unique, [a-z0-9._-]; appears in metrics, logs and decision headers
  std::vector<EndpointSpec> endpoints = {};  // never empty
  UpstreamProtocol protocol = UpstreamProtocol::kHttp1;
  LoadBalancing load_balancing = LoadBalancing::kRoundRobin;
  std::optional<HealthCheckSpec> health_check = {};  // absent: no active checks
  OutlierSpec outlier_detection = {};
  CircuitBreakerSpec circuit_breaker = {};
  std::optional<UpstreamTlsSpec> tls = {};
  uint32_t min_healthy =
      1;  // with fewer healthy endpoints the `health` filter goes to the next candidate
  Millis connect_timeout = 2'000;
  // An idle connection is closed after this. It must stay below the origin's own keep-alive
  // timeout, or a request meets a closing connection: Node closes after 5 s, nginx after 75 s; 4 s
  // is below the common ones.
  Millis idle_timeout = 4'000;

  // Equal specs share pools, breaker and health state across a reload; any difference is a new
  // container.
  bool operator==(const ContainerSpec&) const = default;
};

// Position in the snapshot's list of containers. Routes refer to containers by index, never by
// name.
using ContainerIndex = int32_t;
inline constexpr ContainerIndex kNoContainer = -1;

}  // namespace flagmesh::snapshot
