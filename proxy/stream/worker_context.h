// Everything that the streams of one worker share. Made by the worker; outlives its sessions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/base/arena.h"
#include "proxy/base/random.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/limits.h"
#include "proxy/http/h2_memory.h"
#include "proxy/net/io_context.h"
#include "proxy/stream/access_log.h"
#include "proxy/stream/change_watch.h"
#include "proxy/stream/filter.h"
#include "proxy/stream/handler.h"
#include "proxy/stream/served_snapshot.h"
#include "proxy/stream/worker_stats.h"
#include "proxy/upstream/container.h"
#include "proxy/upstream/lease.h"

namespace flagmesh::stream {

class Stream;
class TlsAccept;

// Milliseconds; 0 switches off where config/config.h says so.
struct SessionTimeouts {
  uint32_t tls_handshake = 10'000;
  uint32_t request_header = 10'000;
  uint32_t request_body = 30'000;
  uint32_t stream_idle = 300'000;
  uint32_t connection_idle = 75'000;
  uint32_t max_connection_age = 0;
};

// TLS handshakes under way (proxy/stream/tls_accept.h).
struct Handshakes {
  uint32_t max = limits::kTlsHandshakes;
  uint32_t running = 0;
  TlsAccept* first_waiting = nullptr;  // oldest first
  TlsAccept* last_waiting = nullptr;
};

struct WorkerContext {
  WorkerContext(net::IoContext& io_context, uint32_t worker_index, WorkerStats& worker_stats);
  WorkerContext(const WorkerContext&) = delete;
  WorkerContext& operator=(const WorkerContext&) = delete;
  ~WorkerContext();

  // Slow peers hold more memory than this worker may use: no new requests.
  bool is_full() const { return stats.buffered_bytes.value() > max_buffered; }

  // Streams are recycled, last in first out.
  Stream* take_stream();
  void give_back(Stream* stream);

  net::IoContext& io;
  uint32_t index;
  WorkerStats& stats;
  Rng rng;
  BlockPool blocks;
  http::H2Memory h2_memory;
  http::H1Limits limits;           // of clients' requests
  http::H1Limits upstream_limits;  // of containers' responses
  SessionTimeouts timeouts;
  Handshakes handshakes;
  upstream::UpstreamContext upstream{io, rng, upstream_limits, index};
  AccessLog access_log;
  std::vector<std::unique_ptr<Filter>> filters;
  Handler* forwarder = nullptr;
  std::unordered_map<std::string, Handler*> handlers;  // by Route::handler
  Handler* sole_handler = nullptr;                     // local servers: takes every request, there are no routes
  WorkerSnapshot* snapshot = nullptr;                  // the current one; null until there is one
  std::optional<upstream::Lease> connection_places;    // under proxy.limits.max_connections; none: no limit
  uint64_t max_buffered = UINT64_MAX;                  // this worker's share of proxy.limits.buffered_bytes
  uint32_t refusing = 0;                               // connections that get a 503 and nothing else
  ChangeWatch changes{*this};
  bool draining = false;                               // say "connection: close" on every response

 private:
  std::vector<Stream*> free_streams_;
};

}  // namespace flagmesh::stream
