#include "proxy/router_metrics.h"

#include <algorithm>
#include <array>
#include <map>

#include "proxy/base/time.h"
#include "proxy/metrics.h"
#include "proxy/server.h"
#include "proxy/upstream/upstream_tls.h"

namespace flagmesh {

namespace {

using stream::WorkerStats;

template <class Pick>
uint64_t sum(const Server& server, Pick&& pick) {
  uint64_t total = 0;
  for (const auto& worker : server.workers()) total += pick(worker->stats()).value();
  return total;
}

void put_traffic(MetricsPage& page, const Server& server) {
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help, auto pick) {
    page.family(name, type, help);
    page.sample(name, {}, sum(server, pick));
  };
  one("flagmesh_downstream_requests_total", "counter", "Requests whose head was complete or refused.",
      [](const WorkerStats& s) -> const Counter& { return s.requests; });
  one("flagmesh_downstream_connections_total", "counter", "Connections accepted.",
      [](const WorkerStats& s) -> const Counter& { return s.connections_accepted; });
  one("flagmesh_downstream_connections_refused_total", "counter", "Connections cut before a request: the PROXY header was not as it must be.",
      [](const WorkerStats& s) -> const Counter& { return s.connections_refused; });
  one("flagmesh_downstream_connections", "gauge", "Connections open now.",
      [](const WorkerStats& s) -> const Counter& { return s.connections; });
  page.family("flagmesh_tls_handshakes_total", "counter", "TLS handshakes of clients that ended well.");
  const uint64_t resumed = sum(server, [](const WorkerStats& s) -> const Counter& { return s.tls_resumed; });
  const uint64_t all = sum(server, [](const WorkerStats& s) -> const Counter& { return s.tls_handshakes; });
  page.sample("flagmesh_tls_handshakes_total", {{"resumed", "true"}}, resumed);
  page.sample("flagmesh_tls_handshakes_total", {{"resumed", "false"}}, all - std::min(all, resumed));
  one("flagmesh_tls_handshakes_waited_total", "counter", "TLS handshakes that began later because too many were under way.",
      [](const WorkerStats& s) -> const Counter& { return s.tls_handshakes_waited; });
  page.family("flagmesh_tls_handshake_failures_total", "counter", "TLS handshakes of clients that failed, by reason.");
  std::map<std::string, uint64_t> failures;
  for (const auto& worker : server.workers()) {
    worker->stats().tls_failures.for_each(
        [&](std::string_view reason, uint64_t count) { failures[std::string(reason)] += count; });
  }
  for (const auto& [reason, count] : failures) {
    page.sample("flagmesh_tls_handshake_failures_total", {{"reason", reason}}, count);
  }
  page.family("flagmesh_certificate_reloads_total", "counter", "Certificate files that were read again, by result.");
  page.sample("flagmesh_certificate_reloads_total", {{"result", "ok"}}, server.certificates().loads());
  page.sample("flagmesh_certificate_reloads_total", {{"result", "refused"}}, server.certificates().failures());
  one("flagmesh_downstream_body_bytes_in_total", "counter", "Request body bytes.",
      [](const WorkerStats& s) -> const Counter& { return s.bytes_in; });
  one("flagmesh_downstream_body_bytes_out_total", "counter", "Response body bytes.",
      [](const WorkerStats& s) -> const Counter& { return s.bytes_out; });
  one("flagmesh_stale_decisions_total", "counter", "Decisions under state past its age or unproven.",
      [](const WorkerStats& s) -> const Counter& { return s.stale_decisions; });

  page.family("flagmesh_overload_refusals_total", "counter",
              "New work that a limit refused: connections, listener_connections, buffered_bytes, open_files.");
  const auto refused = [&](std::string_view limit, auto counter) {
    page.sample("flagmesh_overload_refusals_total", {{"limit", limit}}, sum(server, counter));
  };
  refused("connections", [](const WorkerStats& s) -> const Counter& { return s.refused_for_connections; });
  refused("listener_connections", [](const WorkerStats& s) -> const Counter& { return s.refused_for_listener; });
  refused("buffered_bytes", [](const WorkerStats& s) -> const Counter& { return s.refused_for_memory; });
  refused("open_files", [](const WorkerStats& s) -> const Counter& { return s.refused_for_files; });
  page.family("flagmesh_downstream_connections_limit", "gauge", "proxy.limits.max_connections in numbers.");
  page.sample("flagmesh_downstream_connections_limit", {}, uint64_t{server.limits().max_connections});
  page.family("flagmesh_buffered_bytes_limit", "gauge", "proxy.limits.buffered_bytes in numbers.");
  page.sample("flagmesh_buffered_bytes_limit", {}, server.limits().buffered_bytes * server.workers().size());
  one("flagmesh_buffered_bytes", "gauge", "Memory of bytes that wait for slow clients and containers.",
      [](const WorkerStats& s) -> const Counter& { return s.buffered_bytes; });
  one("flagmesh_streams_changed_total", "counter",
      "Tunnels and responses that were told to end because their user's variant changed.",
      [](const WorkerStats& s) -> const Counter& { return s.streams_changed; });

  page.family("flagmesh_responses_total", "counter", "Responses by class; gone: the client left before a head.");
  static constexpr std::array<std::string_view, 6> kClasses{"gone", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (size_t i = 0; i < kClasses.size(); ++i) {
    page.sample("flagmesh_responses_total", {{"class", kClasses[i]}},
                sum(server, [i](const WorkerStats& s) -> const Counter& { return s.responses[i]; }));
  }

  page.family("flagmesh_local_replies_total", "counter", "Replies that the proxy made itself, by reason.");
  std::map<std::string, uint64_t> reasons;
  for (const auto& worker : server.workers()) {
    worker->stats().local_replies.for_each(
        [&](std::string_view reason, uint64_t count) { reasons[std::string(reason)] += count; });
  }
  for (const auto& [reason, count] : reasons) {
    page.sample("flagmesh_local_replies_total", {{"reason", reason}}, count);
  }

  page.family("flagmesh_filter_calls_total", "counter", "Calls of each filter.");
  static constexpr std::array<std::string_view, 4> kFilters{"rollout", "proof", "health", "circuit_breaker"};
  for (size_t i = 0; i < kFilters.size(); ++i) {
    page.sample("flagmesh_filter_calls_total", {{"filter", kFilters[i]}},
                sum(server, [i](const WorkerStats& s) -> const Counter& { return s.filter_calls[i]; }));
  }
}

void put_duration(MetricsPage& page, const Server& server) {
  page.family("flagmesh_request_duration_seconds", "histogram", "From the request head to the end of the response.");
  uint64_t count = 0;
  const size_t buckets = WorkerStats().duration.size();
  for (size_t i = 0; i < buckets; ++i) {
    count += sum(server, [i](const WorkerStats& s) -> const Counter& { return s.duration[i]; });
    const std::string edge = i + 1 == buckets ? "+Inf" : std::to_string(static_cast<double>(1ULL << i) / 1000);
    page.sample("flagmesh_request_duration_seconds_bucket", {{"le", edge}}, count);
  }
  page.sample("flagmesh_request_duration_seconds_count", {}, count);
  page.sample("flagmesh_request_duration_seconds_sum", {},
              static_cast<double>(sum(server, [](const WorkerStats& s) -> const Counter& {
                return s.duration_sum_ms;
              })) / 1000);
}

void put_containers(MetricsPage& page, const Server& server) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    page.family(name, type, help);
    for (const auto& container : server.containers()) {
      page.sample(name, {{"container", container->spec().name}}, static_cast<uint64_t>(value(*container)));
    }
  };
  each("flagmesh_container_requests_total", "counter", "Attempts that ended with an answer or a failure.",
       [](const upstream::SharedContainer& c) { return sum_shards(c).requests; });
  each("flagmesh_container_failures_total", "counter", "Attempts that failed: no connection, reset, timeout, 5xx.",
       [](const upstream::SharedContainer& c) { return sum_shards(c).failures; });
  each("flagmesh_container_retries_total", "counter", "Attempts after the first one of a request.",
       [](const upstream::SharedContainer& c) { return sum_shards(c).retries; });
  each("flagmesh_container_connect_failures_total", "counter", "Connections that could not be made.",
       [](const upstream::SharedContainer& c) { return sum_shards(c).connect_failures; });
  page.family("flagmesh_container_tls_failures_total", "counter", "Connections that could not be made because of TLS, by reason.");
  for (const auto& container : server.containers()) {
    if (!container->spec().tls) continue;
    for (size_t i = 0; i < upstream::kTlsFailureReasons.size(); ++i) {
      uint64_t count = 0;
      for (const upstream::ContainerShard& shard : container->shards()) count += shard.tls_failures[i].value();
      page.sample("flagmesh_container_tls_failures_total",
                  {{"container", container->spec().name}, {"reason", upstream::kTlsFailureReasons[i]}}, count);
    }
  }
  each("flagmesh_container_overflows_total", "counter", "Requests that a limit of the circuit breaker refused.",
       [](const upstream::SharedContainer& c) { return sum_shards(c).overflows; });
  each("flagmesh_container_healthy_endpoints", "gauge", "Endpoints that may get requests.",
       [](const upstream::SharedContainer& c) { return c.healthy_endpoints(); });
  each("flagmesh_circuit_breaker_state", "gauge", "0 closed, 1 open, 2 half open.",
       [](const upstream::SharedContainer& c) { return static_cast<unsigned>(c.breaker()); });
}

void put_flags(MetricsPage& page, const Server& server) {
  page.family("flagmesh_flag_variant_total", "counter", "Decisions by flag and variant; an empty variant: none.");
  for (const auto& counters : server.variants().all()) {
    for (size_t i = 0; i <= counters->variants().size(); ++i) {
      const std::string variant = i < counters->variants().size() ? counters->variants()[i] : "";
      page.sample("flagmesh_flag_variant_total", {{"flag", counters->flag()}, {"variant", variant}},
                  counters->total(i));
    }
  }
  const snapshot::SourceStatus::View source = server.source_view();
  const Builder::Published current = server.current();
  page.family("flagmesh_epoch", "gauge", "The epoch in force; 0: none.");
  page.sample("flagmesh_epoch", {}, current == nullptr ? uint64_t{0} : current->snapshot->trust.epoch);
  page.family("flagmesh_state_age_seconds", "gauge", "Age of the newest verified signature over the state in force.");
  if (current != nullptr && current->snapshot->trust.freshness != nullptr) {
    const int64_t newest = current->snapshot->trust.freshness->newest_ms();
    if (newest != 0) {
      page.sample("flagmesh_state_age_seconds", {}, static_cast<double>(unix_millis() - newest) / 1000);
    }
  }
  page.family("flagmesh_state_source_connected", "gauge", "1 while the source of state is connected.");
  page.sample("flagmesh_state_source_connected", {}, uint64_t{source.connected});
  page.family("flagmesh_state_accepted_total", "counter", "Published states that were accepted.");
  page.sample("flagmesh_state_accepted_total", {}, source.accepted);
  page.family("flagmesh_state_refused_total", "counter", "Published states that were refused, by reason.");
  for (const auto& [reason, count] : source.refused) {
    page.sample("flagmesh_state_refused_total", {{"reason", reason}}, count);
  }
  page.family("flagmesh_reloads_total", "counter", "Configuration reloads, by result.");
  page.sample("flagmesh_reloads_total", {{"result", "ok"}}, server.reloads());
  page.sample("flagmesh_reloads_total", {{"result", "refused"}}, server.reload_failures());
}

}  // namespace

ContainerTotals sum_shards(const upstream::SharedContainer& container) {
  ContainerTotals total;
  for (const upstream::ContainerShard& shard : container.shards()) {
    total.requests += shard.requests.value();
    total.failures += shard.failures.value();
    total.connect_failures += shard.connect_failures.value();
    total.retries += shard.retries.value();
    total.overflows += shard.overflows.value();
    total.active_connections += shard.active_connections.value();
    total.active_requests += shard.active_requests.value();
  }
  return total;
}

std::string router_metrics(const Server& server) {
  MetricsPage page;
  put_traffic(page, server);
  put_duration(page, server);
  put_containers(page, server);
  put_flags(page, server);
  return page.take();
}

}  // namespace flagmesh
