#include "proxy/server.h"

#include <fcntl.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "proxy/admin.h"
#include "proxy/cpu_count.h"
#include "proxy/endpoint_addresses.h"
#include "proxy/net/listener.h"

namespace flagmesh {

namespace {

stream::SessionTimeouts session_timeouts(const config::TimeoutsConfig& timeouts) {
  return {.request_header = timeouts.request_header,
          .request_body = timeouts.request_body,
          .stream_idle = timeouts.stream_idle,
          .connection_idle = timeouts.connection_idle,
          .max_connection_age = timeouts.max_connection_age};
}

std::shared_ptr<upstream::SharedContainer> find_shared(
    const std::vector<std::shared_ptr<upstream::SharedContainer>>& all, const upstream::SharedContainer& one) {
  const auto at = std::ranges::find_if(all, [&](const auto& shared) { return shared.get() == &one; });
  return at == all.end() ? nullptr : *at;
}

}  // namespace

Server::Server(event::Loop& loop, net::IoContext& io, config::Config config)
    : loop_(loop),
      io_(io),
      config_(std::move(config)),
      health_(io),
      tick_([](void* self) { static_cast<Server*>(self)->tick(); }, this),
      shutdown_timer_(
          [](void* self) {
            const std::function<void()> step = std::move(static_cast<Server*>(self)->after_shutdown_step_);
            step();  // may set the next one
          },
          this) {}

Server::~Server() {
  admin_server_.reset();
  for (const auto& worker : workers_) worker->stop();
  if (builder_ != nullptr) builder_->stop();
  current_.reset();
}

Result<std::unique_ptr<Server>> Server::create(event::Loop& loop, net::IoContext& io, ServerOptions options) {
  std::unique_ptr<Server> server(new Server(loop, io, options.config));
  if (Status started = server->start(options); !started) return std::unexpected(started.error());
  return server;
}

Status Server::start(const ServerOptions& options) {
  if (Status started = start_workers(); !started) return started;
  snapshot::TrustStatus initial;
  initial.policy = config_.trust.policy;
  initial.unproven_reason = "no_state";
  initial.max_age_ms = config_.trust.max_age;
  Result<std::unique_ptr<Builder>> builder = Builder::create(
      options.make_source, initial, *variants_, [this](Builder::Published served) {
        for (const auto& worker : workers_) worker->apply(served);
        loop_.post([this, next = std::move(served)]() mutable { current_ = std::move(next); });
      });
  if (!builder) return std::unexpected(builder.error());
  builder_ = std::move(*builder);
  auto endpoints = EndpointResolver::create(loop_, [this](const auto& changed) { endpoints_changed(changed); });
  if (!endpoints) return std::unexpected(endpoints.error());
  endpoints_ = std::move(*endpoints);
  Result<RoutingInput> routing = make_routing_input(*config_.proxy);
  if (!routing) return std::unexpected(routing.error());
  use_when_resolved(std::move(*routing));
  // Nobody is let in before there is somewhere to go; a name that does not answer delays this no longer than EndpointResolver's patience.
  while (!routed_) loop_.run_once(20);
  if (Status started = builder_->start(); !started) return started;
  for (const auto& worker : workers_) worker->start();
  if (Status opened = open_listeners(); !opened) return opened;
  admin_ = std::make_unique<Admin>(*this);
  if (!config_.admin.address.empty()) {
    Result<net::Address> address = net::Address::parse(config_.admin.address);
    if (!address) return std::unexpected(address.error());
    auto server = stream::LocalServer::start(io_, *address, *admin_, {.name = "admin"});
    if (!server) return std::unexpected(server.error());
    admin_server_ = std::move(*server);
  }
  tick();
  return options.ports_file.empty() ? Status() : write_ports_file(options.ports_file);
}

Status Server::start_workers() {
  const uint32_t count = config_.proxy->workers != 0 ? config_.proxy->workers : usable_cpus();
  variants_ = std::make_unique<VariantRegistry>(count);
  for (uint32_t i = 0; i < count; ++i) {
    WorkerOptions options{
        .index = i,
        .timeouts = session_timeouts(config_.proxy->timeouts),
        .access_log = config_.log.access_log,
        .snapshot_unused =
            [this](Builder::Published unused) { builder_->discard(std::move(unused)); },
        .report_outlier =
            [this](upstream::SharedContainer& container, upstream::EndpointState& endpoint) {
              loop_.post([this, shared = &container, state = &endpoint] {
                const auto known = find_shared(containers_, *shared);
                if (known != nullptr) monitor_.report_outlier(known, state, loop_.now_ms());
              });
            }};
    Result<std::unique_ptr<Worker>> worker = Worker::create(std::move(options));
    if (!worker) return std::unexpected(worker.error());
    workers_.push_back(std::move(*worker));
  }
  return {};
}

// --- Listeners ---------------------------------------------------------------------------------------------------------

// Opens what the configuration has and is not open, closes what it no longer has. New ones first: an error changes nothing.
Status Server::open_listeners() {
  std::map<std::string, std::vector<int>> opened;
  std::map<std::string, net::Address> addresses;
  Status failure;
  for (const config::ListenerConfig& listener : config_.proxy->listeners) {
    if (listeners_.contains(listener.address) || opened.contains(listener.address)) continue;
    Result<net::Address> address = net::Address::parse(listener.address);
    for (size_t i = 0; address && i < workers_.size(); ++i) {
      // A Unix socket cannot be bound twice: all workers accept from the same one.
      Result<int> fd = address->is_unix() && i > 0 ? Result<int>(dup(opened[listener.address][0]))
                                                   : net::listen_on(*address, {});
      if (!fd) {
        failure = std::unexpected(fd.error());
        break;
      }
      opened[listener.address].push_back(*fd);
      // Port 0: the others share the port that the first one got.
      if (Result<net::Address> bound = net::bound_address(*fd); bound) *address = *bound;
    }
    if (!address) failure = std::unexpected(address.error());
    if (!failure) break;
  }
  if (!failure) {
    for (const auto& [key, fds] : opened) std::ranges::for_each(fds, [](int fd) { close(fd); });
    return failure;
  }
  for (const auto& [key, fds] : opened) {
    for (size_t i = 0; i < fds.size(); ++i) workers_[i]->add_listener(key, fds[i]);
    listeners_[key] = fds;
  }
  std::erase_if(listeners_, [this](const auto& entry) {
    const bool wanted = std::ranges::any_of(config_.proxy->listeners,
                                            [&](const auto& listener) { return listener.address == entry.first; });
    if (!wanted) std::ranges::for_each(workers_, [&](const auto& worker) { worker->remove_listener(entry.first); });
    return !wanted;
  });
  bound_.clear();
  for (const config::ListenerConfig& listener : config_.proxy->listeners) {
    if (Result<net::Address> bound = net::bound_address(listeners_[listener.address].front()); bound) {
      bound_.push_back(*bound);
    }
  }
  return {};
}

const net::Address* Server::admin_address() const {
  return admin_server_ == nullptr ? nullptr : &admin_server_->address();
}

Status Server::write_ports_file(const std::string& path) const {
  std::string text = "{\"listeners\":[";
  for (const net::Address& address : bound_) {
    if (text.back() != '[') text += ',';
    text += '"' + address.text() + '"';
  }
  text += ']';
  if (admin_address() != nullptr) text += ",\"admin\":\"" + admin_address()->text() + '"';
  text += "}\n";
  const std::string temporary = path + ".tmp";
  std::ofstream(temporary) << text;
  if (rename(temporary.c_str(), path.c_str()) != 0) return fail("ports_file", strerror(errno), path);
  return {};
}

// --- Routes and containers ---------------------------------------------------------------------------------------------

Result<std::shared_ptr<upstream::SharedContainer>> Server::container_for(const snapshot::ContainerSpec& spec) {
  const auto known = std::ranges::find_if(containers_, [&](const auto& shared) { return shared->spec() == spec; });
  if (known != containers_.end()) return *known;
  for (const snapshot::EndpointSpec& endpoint : spec.endpoints) {
    if (const auto literal = literal_address(endpoint); !literal) return std::unexpected(literal.error());
  }
  return std::make_shared<upstream::SharedContainer>(spec, static_cast<uint32_t>(workers_.size()));
}

Result<RoutingInput> Server::make_routing_input(const config::ProxyConfig& proxy) {
  RoutingInput input;
  Result<snapshot::Routing> routing = config::make_routing(proxy);
  if (!routing) return std::unexpected(routing.error());
  input.routing = std::move(*routing);
  for (const snapshot::ContainerSpec& spec : *input.routing.containers) {
    Result<std::shared_ptr<upstream::SharedContainer>> shared = container_for(spec);
    if (!shared) return std::unexpected(shared.error());
    input.containers.push_back(std::move(*shared));
  }
  return input;
}

// What is running stays until the names of the new one were asked for, so that a reload never sends to a container without endpoints.
void Server::use_when_resolved(RoutingInput input) {
  EndpointResolver::Containers containers = input.containers;
  endpoints_->set_containers(std::move(containers),
                             [this, next = std::move(input)]() mutable { use_routing(std::move(next)); });
}

void Server::endpoints_changed(const std::shared_ptr<upstream::SharedContainer>& container) {
  health_.set_containers(containers_);
  for (const auto& worker : workers_) worker->endpoints_changed(container);
}

void Server::use_routing(RoutingInput input) {
  routed_ = true;
  containers_ = input.containers;
  monitor_.set_containers(containers_);
  health_.set_containers(containers_);
  builder_->set_routing(std::move(input));
}

namespace {

// The sections that are read once, at start, and differ: " proxy.workers trust.origin"; empty: none.
std::string needs_restart(const config::Config& running, const config::Config& wanted) {
  std::string names;
  const auto compare = [&](bool same, const char* name) {
    if (!same) names.append(" ").append(name);
  };
  compare(running.proxy->workers == wanted.proxy->workers, "proxy.workers");
  compare(running.flags.source == wanted.flags.source && running.flags.tenant == wanted.flags.tenant, "flags");
  compare(running.trust.policy == wanted.trust.policy && running.trust.origin == wanted.trust.origin &&
              running.trust.engine_keys == wanted.trust.engine_keys &&
              running.trust.validator_keys == wanted.trust.validator_keys &&
              running.trust.require_engine == wanted.trust.require_engine &&
              running.trust.require_validator == wanted.trust.require_validator &&
              running.trust.max_age == wanted.trust.max_age,
          "trust");
  compare(running.redis.text() == wanted.redis.text() && running.redis.prefix == wanted.redis.prefix, "redis");
  compare(running.admin.address == wanted.admin.address, "admin");
  compare(running.log.level == wanted.log.level && running.log.access_log == wanted.log.access_log, "log");
  return names;
}

}  // namespace

Status Server::reload(config::Config config) {
  if (!config.proxy) return fail("reload", "the configuration has no proxy section", config.file);
  Result<RoutingInput> routing = make_routing_input(*config.proxy);
  if (!routing) return std::unexpected(routing.error());
  std::swap(config_, config);
  if (Status opened = open_listeners(); !opened) {
    std::swap(config_, config);
    return opened;
  }
  use_when_resolved(std::move(*routing));
  for (const auto& worker : workers_) worker->set_timeouts(session_timeouts(config_.proxy->timeouts));
  // `config` is the one that ran until now.
  if (const std::string names = needs_restart(config, config_); !names.empty()) {
    spdlog::warn("these changes take effect after a restart:{}", names);
  }
  ++reloads_;
  return {};
}

void Server::reopen_logs() {
  for (const auto& worker : workers_) worker->reopen_access_log();
}

void Server::tick() {
  monitor_.tick(loop_.now_ms());
  tick_.set(loop_.timers(), loop_.now_ms() + upstream::BreakerWindow::kTickMs);
}

// --- The end -----------------------------------------------------------------------------------------------------------

void Server::shut_down(std::function<void()> done) {
  if (shutting_down_) return;
  shutting_down_ = true;
  after_shutdown_step_ = [this, finished = std::move(done)] {
    for (const auto& worker : workers_) worker->drain();
    const MonoMs until = loop_.now_ms() + config_.proxy->drain_timeout;
    wait_for_connections(until, finished);
  };
  shutdown_timer_.set(loop_.timers(), loop_.now_ms() + config_.proxy->shutdown_delay);
}

void Server::wait_for_connections(MonoMs until, std::function<void()> done) {
  static constexpr MonoMs kLookMs = 20;
  // Not at once: the workers have yet to take in what their queues hold.
  after_shutdown_step_ = [this, until, finished = std::move(done)] {
    uint64_t open = 0;
    for (const auto& worker : workers_) open += worker->stats().connections.value();
    if (open == 0 || loop_.now_ms() >= until) {
      finished();
    } else {
      wait_for_connections(until, finished);
    }
  };
  shutdown_timer_.set(loop_.timers(), loop_.now_ms() + kLookMs);
}

}  // namespace flagmesh
