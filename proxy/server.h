// The router: workers, builder, health, admin, and the process's life (reload, drain). Lives on the main thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "proxy/builder.h"
#include "proxy/endpoint_resolver.h"
#include "proxy/event/loop.h"
#include "proxy/listener_set.h"
#include "proxy/overload_limits.h"
#include "proxy/net/io_context.h"
#include "proxy/stream/local_server.h"
#include "proxy/takeover_predecessor.h"
#include "proxy/takeover_service.h"
#include "proxy/upstream/breaker_monitor.h"
#include "proxy/upstream/health_checker.h"
#include "proxy/server_tls.h"
#include "proxy/upstream/lease.h"
#include "proxy/worker.h"

namespace flagmesh {

struct ServerOptions {
  config::Config config;
  Builder::MakeSource make_source;
  std::string ports_file;  // where to write the bound addresses as JSON; empty: nowhere
  // The running router whose sockets are taken when this one is ready; null: none.
  std::unique_ptr<takeover::Predecessor> predecessor = nullptr;
  // A successor took the sockets, and the last connection has ended or the drain timeout is over.
  std::function<void()> handed_over = nullptr;
};

class Admin;

class Server {
 public:
  // How long a successor may take until the flags are in force.
  static constexpr MonoMs kReadyMs = 30'000;

  // Binds everything and starts the threads; serves when run() runs the main loop. With a predecessor: waits until the state is in force
  // (code "not_ready": the predecessor goes on), then serves from its sockets and lets it go.
  static Result<std::unique_ptr<Server>> create(event::Loop& loop, net::IoContext& io, ServerOptions options);
  ~Server();

  // Takes over routes, containers, listeners and timeouts of a new configuration. What needs a restart (workers, trust, source) and
  // differs is named in the log. On an error nothing changes.
  Status reload(config::Config config);

  // SIGTERM: not ready at once, still accepting for `delay` ms, then drain; `done` when the last connection has ended or the drain
  // timeout is over.
  void shut_down(MonoMs delay, std::function<void()> done);
  void reopen_logs();

  // For the admin pages.
  const config::Config& config() const { return config_; }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  const std::vector<std::shared_ptr<upstream::SharedContainer>>& containers() const { return containers_; }
  const VariantRegistry& variants() const { return *variants_; }
  Builder::Published current() const { return current_; }
  snapshot::SourceStatus::View source_view() const { return builder_->source_status().view(); }
  bool shutting_down() const { return shutting_down_; }
  // Why it should not get traffic, a stable token; empty: it should.
  std::string unready_reason() const;
  const CertificateWatch& certificates() const { return tls_.certificates(); }
  const OverloadLimits& limits() const { return limits_; }
  uint64_t reloads() const { return reloads_; }
  uint64_t reload_failures() const { return reload_failures_; }
  void count_reload_failure() { ++reload_failures_; }
  // Addresses that are really bound, in the order of the configuration.
  const std::vector<net::Address>& listen_addresses() const { return listeners_->addresses(); }
  const net::Address* admin_address() const;

 private:
  Server(event::Loop& loop, net::IoContext& io, config::Config config);
  Status start(ServerOptions& options);
  Status start_workers();
  // What the workers follow besides routes and listeners.
  void use_settings();
  Status start_builder(const ServerOptions& options);
  Status start_admin(takeover::Predecessor* predecessor);
  Result<std::unique_ptr<takeover::Door>> open_door(bool taking_over) const;
  Status wait_until_ready();
  void replace(takeover::Predecessor& predecessor);
  Status open_to_successors(std::unique_ptr<takeover::Door> door);
  Result<takeover::Offer> offer() const;
  void hand_over(const std::vector<bool>& adopted);
  Result<RoutingInput> make_routing_input(const config::ProxyConfig& proxy);
  Result<std::shared_ptr<upstream::SharedContainer>> container_for(const snapshot::ContainerSpec& spec);
  void use_when_resolved(RoutingInput input);
  void use_routing(RoutingInput input);
  void endpoints_changed(const std::shared_ptr<upstream::SharedContainer>& container);
  void watch_certificates();
  Status write_ports_file(const std::string& path) const;
  void tick();
  // Closes the listeners as `adopted` says, then waits for the connections.
  void drain(const std::vector<bool>& adopted, std::function<void()> done);
  void wait_for_connections(MonoMs until, std::function<void()> done);

  event::Loop& loop_;
  net::IoContext& io_;
  config::Config config_;
  OverloadLimits limits_;
  std::unique_ptr<upstream::LimitPool> connections_;
  std::unique_ptr<VariantRegistry> variants_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Builder> builder_;
  std::vector<std::shared_ptr<upstream::SharedContainer>> containers_;
  std::unique_ptr<ListenerSet> listeners_;
  ServerTls tls_;
  upstream::ContainerMonitor monitor_;
  upstream::HealthChecker health_;
  event::Timer tick_;
  event::Timer shutdown_timer_;
  std::function<void()> after_shutdown_step_;
  Builder::Published current_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<stream::LocalServer> admin_server_;
  std::unique_ptr<EndpointResolver> endpoints_;
  std::unique_ptr<takeover::Service> successors_;
  std::function<void()> handed_over_;
  bool routed_ = false;  // the first routing is in use
  bool shutting_down_ = false;
  uint64_t reloads_ = 0;
  uint64_t reload_failures_ = 0;
};

}  // namespace flagmesh
