#include "proxy/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "proxy/admin.h"
#include "proxy/base/time.h"
#include "proxy/cpu_count.h"
#include "proxy/endpoint_addresses.h"
#include "proxy/memory_size.h"

namespace flagmesh {

namespace {

stream::SessionTimeouts session_timeouts(const config::TimeoutsConfig& timeouts) {
  return {.tls_handshake = timeouts.tls_handshake,
          .request_header = timeouts.request_header,
          .request_body = timeouts.request_body,
          .stream_idle = timeouts.stream_idle,
          .connection_idle = timeouts.connection_idle,
          .max_connection_age = timeouts.max_connection_age};
}

bool has_flag_routes(const config::ProxyConfig& proxy) {
  return std::ranges::any_of(proxy.routes, [](const auto& route) { return route.is_flag_route(); });
}

stream::OnChange on_change_of(config::OnChange action) {
  switch (action) {
    case config::OnChange::kKeep: break;
    case config::OnChange::kDrain: return stream::OnChange::kDrain;
    case config::OnChange::kClose: return stream::OnChange::kClose;
  }
  return stream::OnChange::kKeep;
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
  successors_.reset();
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

Status Server::start(ServerOptions& options) {
  takeover::Predecessor* predecessor = options.predecessor.get();
  handed_over_ = std::move(options.handed_over);
  Result<std::unique_ptr<takeover::Door>> door = open_door(predecessor != nullptr);
  if (!door) return std::unexpected(door.error());
  if (predecessor != nullptr) {
    const auto keys = predecessor->values().find(std::string(ServerTls::kTicketKeysValue));
    if (keys != predecessor->values().end()) tls_.take_ticket_keys(keys->second);
  }
  if (Status loaded = tls_.load(config_.proxy->listeners); !loaded) return loaded;
  if (Status started = start_workers(); !started) return started;
  listeners_ = std::make_unique<ListenerSet>(loop_, workers_);
  if (Status started = start_builder(options); !started) return started;
  for (const auto& worker : workers_) worker->start();
  if (predecessor != nullptr) {
    if (Status ready = wait_until_ready(); !ready) return ready;
  }
  // Whatever can fail comes before the first connection is accepted: until then the predecessor can go on.
  if (Status started = start_admin(predecessor); !started) return started;
  if (Status opened = listeners_->update(config_.proxy->listeners, predecessor); !opened) return opened;
  if (predecessor != nullptr) replace(*predecessor);
  Status finished = *door == nullptr ? Status() : open_to_successors(std::move(*door));
  if (finished && !options.ports_file.empty()) finished = write_ports_file(options.ports_file);
  tick();
  if (finished || predecessor == nullptr) return finished;
  spdlog::error("{}; this router serves all the same", finished.error().text());
  return {};
}

Status Server::start_builder(const ServerOptions& options) {
  snapshot::TrustStatus initial;
  initial.policy = config_.trust.policy;
  initial.unproven_reason = "no_state";
  initial.max_age_ms = config_.trust.max_age;
  Result<std::unique_ptr<Builder>> builder = Builder::create(
      options.make_source, initial, *variants_, [this](Builder::Published served) {
        const auto left = std::make_shared<std::atomic<size_t>>(workers_.size());
        for (const auto& worker : workers_) {
          worker->apply(served, [this, left, epoch = served->snapshot->trust.epoch] {
            if (left->fetch_sub(1) == 1) builder_->enforced(epoch);
          });
        }
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
  return builder_->start();
}

Status Server::start_admin(takeover::Predecessor* predecessor) {
  admin_ = std::make_unique<Admin>(*this);
  const std::string& wanted = config_.admin.address;
  if (wanted.empty()) return {};
  Result<net::Address> address = net::Address::parse(wanted);
  if (!address) return std::unexpected(address.error());
  stream::LocalServerOptions options{.name = "admin"};
  if (predecessor != nullptr) {
    for (takeover::Predecessor::Socket& socket : predecessor->sockets()) {
      if (socket.name.role != takeover::Role::kAdmin || socket.socket == nullptr) continue;
      if (socket.name.name != wanted && !(socket.socket->address() == *address)) continue;
      socket.adopted = true;
      options.socket = socket.socket;
    }
  }
  auto server = stream::LocalServer::start(io_, *address, *admin_, options);
  if (!server) return std::unexpected(server.error());
  admin_server_ = std::move(*server);
  return {};
}

Status Server::start_workers() {
  const uint32_t count = config_.proxy->workers != 0 ? config_.proxy->workers : usable_cpus();
  variants_ = std::make_unique<VariantRegistry>(count);
  Result<ofrep::OfrepOptions> ofrep = ofrep::ofrep_options(config_.proxy->ofrep, config_.proxy->ofrep_tokens);
  if (!ofrep) return std::unexpected(ofrep.error());
  limits_ = overload_limits(*config_.proxy, count, raise_descriptor_limit(), usable_memory());
  connections_ = std::make_unique<upstream::LimitPool>(limits_.max_connections, count);
  for (uint32_t i = 0; i < count; ++i) {
    WorkerOptions options{
        .index = i,
        .timeouts = session_timeouts(config_.proxy->timeouts),
        .messages = config_.proxy->limits.messages,
        .tls_handshakes = config_.proxy->limits.tls_handshakes,
        .access_log = config_.log.access_log,
        .redact = config_.log.redact,
        .ofrep = *ofrep,
        .connections = connections_.get(),
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
  use_settings();
  return {};
}

void Server::use_settings() {
  const config::ProxyConfig& proxy = *config_.proxy;
  const OverloadLimits before = limits_;
  limits_ = overload_limits(proxy, static_cast<uint32_t>(workers_.size()), before.descriptors, usable_memory());
  connections_->change_limit(before.max_connections, limits_.max_connections);
  if (limits_.max_connections > limits_.connections_fit) {
    spdlog::warn("proxy.limits.max_connections is {}, but {} open files are enough for {}: raise LimitNOFILE or ulimit -n",
                 limits_.max_connections, limits_.descriptors, limits_.connections_fit);
  }
  for (const auto& worker : workers_) {
    worker->set_timeouts(session_timeouts(proxy.timeouts));
    worker->set_max_buffered(limits_.buffered_bytes);
    worker->set_on_change(on_change_of(proxy.on_change), proxy.drain_timeout);
    worker->set_message_limits(proxy.limits.messages);
    worker->set_tls_handshakes(proxy.limits.tls_handshakes);
  }
}

// --- Where it listens --------------------------------------------------------------------------------------------------

const net::Address* Server::admin_address() const {
  return admin_server_ == nullptr ? nullptr : &admin_server_->address();
}

Status Server::write_ports_file(const std::string& path) const {
  std::string text = "{\"listeners\":[";
  for (const net::Address& address : listen_addresses()) {
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
  auto made = std::make_shared<upstream::SharedContainer>(spec, static_cast<uint32_t>(workers_.size()));
  if (Status loaded = tls_.load(*made); !loaded) return std::unexpected(loaded.error());
  return made;
}

void Server::watch_certificates() {
  tls_.watch(config_.proxy->listeners, containers_, [this] {
    if (const Status updated = listeners_->update(config_.proxy->listeners); !updated) spdlog::error("{}", updated.error().text());
  }, loop_.now_ms());
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
  watch_certificates();
}

namespace {

// The sections that are read once, at start, and differ: " proxy.workers trust.origin"; empty: none.
std::string needs_restart(const config::Config& running, const config::Config& wanted) {
  std::string names;
  const auto compare = [&](bool same, const char* name) {
    if (!same) names.append(" ").append(name);
  };
  compare(running.proxy->workers == wanted.proxy->workers, "proxy.workers");
  compare(running.proxy->takeover_socket == wanted.proxy->takeover_socket, "proxy.takeover_socket");
  compare(running.proxy->state_dir == wanted.proxy->state_dir, "proxy.state_dir");
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
  compare(running.log.level == wanted.log.level && running.log.access_log == wanted.log.access_log &&
              running.log.redact == wanted.log.redact, "log");
  return names;
}

}  // namespace

Status Server::reload(config::Config config) {
  if (!config.proxy) return fail("reload", "the configuration has no proxy section", config.file);
  if (shutting_down_) return fail("reload", "the router is shutting down");
  if (successors_ != nullptr && successors_->busy()) return fail("reload", "a take-over is under way");
  if (Status loaded = tls_.load(config.proxy->listeners); !loaded) return loaded;
  Result<RoutingInput> routing = make_routing_input(*config.proxy);
  if (!routing) return std::unexpected(routing.error());
  Result<ofrep::OfrepOptions> ofrep = ofrep::ofrep_options(config.proxy->ofrep, config.proxy->ofrep_tokens);
  if (!ofrep) return std::unexpected(ofrep.error());
  std::swap(config_, config);
  if (Status opened = listeners_->update(config_.proxy->listeners); !opened) {
    std::swap(config_, config);
    return opened;
  }
  use_when_resolved(std::move(*routing));
  use_settings();
  for (const auto& worker : workers_) worker->set_ofrep(*ofrep);
  watch_certificates();
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
  if (successors_ == nullptr || !successors_->busy()) tls_.tick(loop_.now_ms());
  tick_.set(loop_.timers(), loop_.now_ms() + upstream::BreakerWindow::kTickMs);
}

std::string Server::unready_reason() const {
  if (shutting_down_) return "shutting_down";
  if (current_ == nullptr) return "no_snapshot";
  const snapshot::TrustStatus& trust = current_->snapshot->trust;
  if (has_flag_routes(*config_.proxy) && !trust.proven) return trust.unproven_reason;
  return source_view().not_ready;
}

// --- Taking over and being taken over ----------------------------------------------------------------------------------

// Null when none is configured.
Result<std::unique_ptr<takeover::Door>> Server::open_door(bool taking_over) const {
  const std::string& path = config_.proxy->takeover_socket;
  if (path.empty()) return nullptr;
  if (!taking_over) {
    // SO_REUSEPORT would let two routers share their ports without anybody noticing.
    Result<std::unique_ptr<takeover::Channel>> other = takeover::Channel::connect(path);
    if (!other) return std::unexpected(other.error());
    if (*other != nullptr) {
      return fail("takeover", "a router runs already", path, "start this one with --take-over, or stop the other");
    }
  }
  return takeover::Door::open(path);
}

// The predecessor goes on serving meanwhile, and for good when this fails.
Status Server::wait_until_ready() {
  const MonoMs until = mono_ms() + kReadyMs;
  for (std::string why = unready_reason(); !why.empty(); why = unready_reason()) {
    if (mono_ms() >= until) return fail("not_ready", "not ready to take over: " + why, {}, "see the lines above");
    loop_.run_once(20);
  }
  return {};
}

// From here on nobody else serves: trouble is told and lived with.
void Server::replace(takeover::Predecessor& predecessor) {
  const auto total = predecessor.sockets().size();
  const auto adopted = std::ranges::count_if(predecessor.sockets(), &takeover::Predecessor::Socket::adopted);
  spdlog::info("taking over {} of {} sockets from process {}", adopted, total, predecessor.pid());
  if (Status ready = predecessor.ready(); !ready) {
    spdlog::warn("take-over: {}; this router serves all the same", ready.error().text());
  }
}

Status Server::open_to_successors(std::unique_ptr<takeover::Door> door) {
  if (Status published = door->publish(); !published) return published;
  auto service = takeover::Service::start(
      loop_, std::move(door),
      {.offer = [this] { return offer(); },
       .released = [this](const std::vector<bool>& adopted) { hand_over(adopted); }});
  if (!service) return std::unexpected(service.error());
  successors_ = std::move(*service);
  return {};
}

Result<takeover::Offer> Server::offer() const {
  if (shutting_down_) return fail("takeover", "this router is shutting down");
  takeover::Offer offer{.sockets = listeners_->offer()};
  offer.values[std::string(ServerTls::kTicketKeysValue)] = tls_.ticket_keys();
  if (admin_server_ != nullptr) {
    offer.sockets.push_back({{takeover::Role::kAdmin, config_.admin.address}, admin_server_->socket()->fd()});
  }
  return offer;
}

void Server::hand_over(const std::vector<bool>& adopted) {
  spdlog::info("a successor serves; finishing what is in flight");
  shutting_down_ = true;
  builder_->release_source();
  // In the order of offer(): admin is the last one.
  if (admin_server_ != nullptr) {
    if (adopted.back()) {
      admin_server_->release_socket();
    } else {
      admin_server_->drain();
    }
  }
  drain(adopted, [this] {
    if (handed_over_) handed_over_();
  });
}

// --- The end -----------------------------------------------------------------------------------------------------------

void Server::shut_down(MonoMs delay, std::function<void()> done) {
  if (shutting_down_) return;
  shutting_down_ = true;
  // One that has the sockets finds us gone and serves all the same.
  if (successors_ != nullptr && successors_->busy()) listeners_->spare_sockets();
  successors_.reset();
  after_shutdown_step_ = [this, finished = std::move(done)] { drain({}, finished); };
  shutdown_timer_.set(loop_.timers(), loop_.now_ms() + delay);
}

void Server::drain(const std::vector<bool>& adopted, std::function<void()> done) {
  for (const auto& worker : workers_) worker->drain();
  const MonoMs until = loop_.now_ms() + config_.proxy->drain_timeout;
  listeners_->let_go(adopted, [this, until, finished = std::move(done)] { wait_for_connections(until, finished); });
}

void Server::wait_for_connections(MonoMs until, std::function<void()> done) {
  static constexpr MonoMs kLookMs = 20;
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
