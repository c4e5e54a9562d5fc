#include "tests/fakes/mesh.h"

#include <unistd.h>

#include <fstream>
#include <sstream>

#include "control/flags/canonical_flag.h"
#include "control/flags/parse.h"
#include "filters/circuit_breaker.h"
#include "filters/health.h"
#include "filters/proof.h"
#include "filters/rollout.h"

namespace flagmesh::fakes {

namespace {

snapshot::FlagTable flag_table(const std::string& text) {
  if (text.empty()) return {};
  const flags::ParsedFlags parsed = flags::parse_flag_file(text, "flags.yaml", "default");
  EXPECT_FALSE(has_errors(parsed.diagnostics)) << text;
  std::vector<std::shared_ptr<const snapshot::FlagEntry>> entries;
  for (const flags::FlagDefinition& definition : parsed.flags.flags) {
    auto entry = std::make_shared<snapshot::FlagEntry>();
    entry->flag = flags::CompiledFlag::compile(definition).value();
    entry->leaf = merkle::sha256(text);  // another one whenever anything changed
    entries.push_back(std::move(entry));
  }
  return snapshot::FlagTable::from_entries(std::move(entries));
}

std::shared_ptr<stream::VariantCounters> counters_of(const snapshot::RouteBinding& binding) {
  if (binding.flag == nullptr) return nullptr;
  std::vector<std::string> names;
  for (const flags::Variant& variant : binding.flag->variants()) names.push_back(variant.name);
  return std::make_shared<stream::VariantCounters>(binding.flag->key(), std::move(names), 1);
}

}  // namespace

std::string Mesh::plain(const std::string& route, const std::string& container) {
  return "  routes: [{ path: /, container: web" + (route.empty() ? "" : ", " + route) +
         " }]\n  containers: { web: { endpoints: [\"@web\"]" +
         (container.empty() ? "" : ", " + container) + " } }\n";
}

Mesh::Mesh(const std::string& routing, const std::string& flags)
    : loop_(event::Loop::create().value()),
      io_(*loop_),
      worker_(std::make_unique<stream::WorkerContext>(io_, 0, stats_)),
      sessions_(std::make_unique<stream::SessionList>()) {
  const std::string text =
      with_addresses("proxy:\n  listeners: [{ address: \"127.0.0.1:0\" }]\n" + routing +
                     "flags: { source: memory }\ntrust: { policy: unsigned }\n");
  const config::ParsedConfig parsed =
      config::parse_config(text, "mesh.yaml", [](const char*) { return std::string(); });
  for (const Diagnostic& d : parsed.diagnostics) {
    EXPECT_NE(d.severity, Severity::kError) << d.line << ": " << d.message << "\n" << text;
  }
  routing_ = config::make_routing(*parsed.config.proxy).value();
  worker_->forwarder = &forwarder_;
  worker_->filters.push_back(std::make_unique<filters::Rollout>());
  worker_->filters.push_back(std::make_unique<filters::Proof>());
  worker_->filters.push_back(std::make_unique<filters::Health>());
  worker_->filters.push_back(std::make_unique<filters::CircuitBreaker>());
  make_containers();
  publish(flags, unsigned_trust());
  const int fd = *net::listen_on(*net::Address::parse("127.0.0.1:0"), {.reuse_port = false});
  address_ = *net::bound_address(fd);
  listener_ =
      std::make_unique<net::Listener>(*loop_, fd, [this](int client, const net::Address& peer) {
        if (send_buffer != 0)
          setsockopt(client, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
        stream::H1Session::start(*worker_, *sessions_, listener, client, peer);
      });
  EXPECT_TRUE(listener_->start());
}

Mesh::~Mesh() {
  end();
  for (const auto& shared : shared_) {
    const snapshot::CircuitBreakerSpec& limits = shared->spec().circuit_breaker;
    const std::string& name = shared->spec().name;
    EXPECT_EQ(shared->requests.take(UINT32_MAX), limits.max_requests) << name << ": max_requests";
    EXPECT_EQ(shared->connections.take(UINT32_MAX), limits.max_connections)
        << name << ": max_connections";
    EXPECT_EQ(shared->pending.take(UINT32_MAX), limits.max_pending) << name << ": max_pending";
    EXPECT_EQ(shared->retries.take(UINT32_MAX), limits.max_retries) << name << ": max_retries";
    EXPECT_FALSE(shared->trial_running.load()) << name;
    EXPECT_EQ(shared->shard(0).active_requests.value(), 0U) << name;
    EXPECT_EQ(shared->shard(0).active_connections.value(), 0U) << name;
  }
  EXPECT_EQ(stats_.connections.value(), 0U);
  if (!log_path_.empty()) unlink(log_path_.c_str());
}

// As a worker ends.
void Mesh::end() {
  listener_.reset();
  sessions_->close_all();
  loop_->deleter().drain();
  sessions_.reset();
  worker_->snapshot->release_ref();
  worker_->snapshot = nullptr;
  for (upstream::Container* container : containers_) {
    container->retire();
    container->release_ref();
  }
  loop_->deleter().drain();
  worker_.reset();
}

void Mesh::make_containers() {
  for (const snapshot::ContainerSpec& spec : *routing_.containers) {
    auto shared = std::make_shared<upstream::SharedContainer>(spec, 1);
    auto endpoints = std::make_shared<upstream::EndpointList>();
    for (const snapshot::EndpointSpec& endpoint : spec.endpoints) {
      endpoints->push_back(std::make_shared<upstream::EndpointState>(
          net::Address::from_ip(endpoint.host, endpoint.port).value(), endpoint.text(),
          endpoint.weight));
    }
    shared->set_endpoints(std::move(endpoints));
    containers_.push_back(new upstream::Container(worker_->upstream, shared));
    containers_.back()->add_ref();
    shared_.push_back(std::move(shared));
  }
}

snapshot::TrustStatus Mesh::unsigned_trust() {
  snapshot::TrustStatus trust;
  trust.policy = snapshot::TrustPolicy::kUnsigned;
  trust.epoch = 7;
  trust.proven = true;
  return trust;
}

void Mesh::publish(const std::string& flags, snapshot::TrustStatus trust) {
  auto served = std::make_shared<stream::ServedSnapshot>();
  served->snapshot =
      snapshot::build_snapshot(1, routing_, flag_table(flags), std::move(trust)).value().snapshot;
  served->containers = shared_;
  for (const snapshot::RouteBinding& binding : served->snapshot->bindings) {
    served->variants.push_back(counters_of(binding));
  }
  stream::WorkerSnapshot* before = worker_->snapshot;
  worker_->snapshot = new stream::WorkerSnapshot(
      std::move(served), containers_, [](void*, stream::WorkerSnapshot* unused) { delete unused; },
      nullptr);
  if (before != nullptr) before->release_ref();
}

Origin& Mesh::origin(const std::string& name) {
  std::unique_ptr<Origin>& slot = origins_[name];
  if (slot == nullptr) slot = std::make_unique<Origin>();
  return *slot;
}

std::string Mesh::with_addresses(std::string text) {
  for (size_t at = 0; (at = text.find('@', at)) != std::string::npos;) {
    const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789", at + 1);
    const std::string address = origin(text.substr(at + 1, end - at - 1)).address().text();
    text.replace(at, end - at, address);
  }
  return text;
}

void Mesh::turn(uint32_t wait_ms) {
  loop_->run_once(wait_ms);
  for (const auto& [name, origin] : origins_) origin->poll();
  for (const auto& client : clients_) client->poll();
}

Peer& Mesh::client(int receive_buffer) {
  clients_.push_back(connect_to(address_, receive_buffer));
  return *clients_.back();
}

Peer& Mesh::accepted(const std::string& name, size_t number) {
  Origin& from = origin(name);
  if (!until([&] { return from.peers.size() > number; })) {
    ADD_FAILURE() << "no connection " << number << " at " << name;
    from.peers.push_back(std::make_unique<Peer>(-1));
    return from.last();
  }
  return *from.peers[number];
}

Message Mesh::next(Peer& peer, bool head_only) {
  std::optional<Message> message;
  const bool came = until([&] {
    message = peer.take(head_only);
    return message.has_value() || peer.over();
  });
  if (came && message) return *message;
  message = peer.take(head_only);
  if (message) return *message;
  ADD_FAILURE() << "no whole message; got so far: " << peer.got.substr(0, 2000)
                << (peer.ended ? " ended" : "") << (peer.broken ? " broken" : "");
  return {};
}

Message Mesh::request_at(const std::string& name) {
  Origin& from = origin(name);
  std::optional<Message> message;
  const bool came = until([&] {
    for (auto peer = from.peers.rbegin(); peer != from.peers.rend() && !message; ++peer)
      message = (*peer)->take();
    return message.has_value();
  });
  EXPECT_TRUE(came) << "no request at " << name;
  return message.value_or(Message());
}

Message Mesh::exchange(Peer& client, const std::string& request, const std::string& name,
                       const std::string& answer) {
  client.say(request);
  Origin& from = origin(name);
  Peer* asked = nullptr;
  const bool came = until([&] {
    for (const auto& peer : from.peers) {
      if (!peer->take()) continue;
      asked = peer.get();
      return true;
    }
    return client.over();
  });
  EXPECT_TRUE(came && asked != nullptr)
      << "the request did not reach " << name << "; client got " << client.got;
  if (asked == nullptr) return {};
  asked->say(answer);
  return next(client);
}

upstream::SharedContainer& Mesh::container(const std::string& name) {
  for (const auto& shared : shared_) {
    if (shared->spec().name == name) return *shared;
  }
  ADD_FAILURE() << "no container " << name;
  return *shared_.front();
}

uint64_t Mesh::local_replies(std::string_view reason) const {
  uint64_t count = 0;
  stats_.local_replies.for_each(
      [&](std::string_view text, uint64_t n) { count += text == reason ? n : 0; });
  return count;
}

void Mesh::log_to_file() {
  log_path_ = testing::TempDir() + "flagmesh-log-" + std::to_string(getpid());
  unlink(log_path_.c_str());
  EXPECT_TRUE(worker_->access_log.open(*loop_, log_path_));
}

std::string Mesh::log() {
  worker_->access_log.flush();
  std::ifstream file(log_path_);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace flagmesh::fakes
