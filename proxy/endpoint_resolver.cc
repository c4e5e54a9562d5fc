#include "proxy/endpoint_resolver.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "proxy/endpoint_addresses.h"

namespace flagmesh {

namespace {

// The name behind an endpoint; empty when there is none to ask for.
std::string name_of(const snapshot::EndpointSpec& endpoint) {
  const Result<std::optional<net::Address>> literal = literal_address(endpoint);
  return literal && !literal->has_value() ? endpoint.host : std::string();
}

std::vector<std::string> one_family(std::vector<std::string> addresses) {
  const auto is_v6 = [](const std::string& address) {
    return address.find(':') != std::string::npos;
  };
  if (!std::ranges::all_of(addresses, is_v6)) std::erase_if(addresses, is_v6);
  return addresses;
}

// Appends an endpoint at `address`: the state that `before` has for it, or a new one.
void add(upstream::EndpointList& list, const upstream::EndpointList& before,
         const net::Address& address, const snapshot::EndpointSpec& endpoint) {
  const std::string label = endpoint.text();
  const auto known = std::ranges::find_if(before, [&](const auto& state) {
    return state->address == address && state->weight == endpoint.weight && state->name == label &&
           std::ranges::find(list, state) == list.end();
  });
  list.push_back(known != before.end()
                     ? *known
                     : std::make_shared<upstream::EndpointState>(address, label, endpoint.weight));
}

}  // namespace

EndpointResolver::Name::Name(EndpointResolver& owner, std::string asked_for)
    : resolver(owner),
      host(std::move(asked_for)),
      timer(
          [](void* self) {
            Name& name = *static_cast<Name*>(self);
            name.resolver.ask(name);
          },
          this) {}

EndpointResolver::EndpointResolver(event::Loop& loop, OnChange on_change,
                                   std::unique_ptr<event::Resolver> resolver)
    : loop_(loop),
      on_change_(std::move(on_change)),
      patience_([](void* self) { static_cast<EndpointResolver*>(self)->settle(true); }, this),
      resolver_(std::move(resolver)) {}

Result<std::unique_ptr<EndpointResolver>> EndpointResolver::create(
    event::Loop& loop, OnChange on_change, const event::ResolverOptions& options) {
  Result<std::unique_ptr<event::Resolver>> resolver = event::Resolver::create(loop, options);
  if (!resolver) return std::unexpected(resolver.error());
  return std::unique_ptr<EndpointResolver>(
      new EndpointResolver(loop, std::move(on_change), std::move(*resolver)));
}

void EndpointResolver::set_containers(Containers containers,
                                      std::move_only_function<void()> ready) {
  containers_ = std::move(containers);
  ready_ = std::move(ready);
  keep_names();
  for (const auto& container : containers_) update(container);
  patience_.set(loop_.timers(), loop_.now_ms() + kPatienceMs);
  settle(false);
}

// Those that containers have: known ones stay as they are, new ones are asked for.
void EndpointResolver::keep_names() {
  std::set<std::string> wanted;
  for (const auto& container : containers_) {
    for (const snapshot::EndpointSpec& endpoint : container->spec().endpoints)
      wanted.insert(name_of(endpoint));
  }
  wanted.erase("");
  std::erase_if(names_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (const std::string& host : wanted) {
    std::unique_ptr<Name>& name = names_[host];
    if (name != nullptr) continue;
    name = std::make_unique<Name>(*this, host);
    ask(*name);
  }
}

void EndpointResolver::ask(Name& name) {
  if (std::exchange(name.asking, true)) return;
  resolver_->resolve(name.host,
                     [this, host = name.host](const Result<event::ResolvedName>& answer) {
                       on_answer(host, answer);
                     });
}

void EndpointResolver::on_answer(const std::string& host,
                                 const Result<event::ResolvedName>& answer) {
  const auto at = names_.find(host);
  if (at == names_.end()) return;  // no container has it any more
  Name& name = *at->second;
  name.asking = false;
  name.answered = true;
  if (answer) {
    resolved(name, *answer);
  } else {
    failed(name, answer.error());
  }
  settle(false);
}

void EndpointResolver::resolved(Name& name, const event::ResolvedName& found) {
  name.retry_ms = kFirstRetryMs;
  name.timer.set(loop_.timers(),
                 loop_.now_ms() + std::clamp(MonoMs{found.ttl_s} * 1'000, kMinTtlMs, kMaxTtlMs));
  if (std::exchange(name.failing, false)) spdlog::info("{} resolves again", name.host);
  std::vector<std::string> addresses = one_family(found.addresses);
  if (addresses == name.addresses) return;
  name.addresses = std::move(addresses);
  for (const auto& container : containers_) {
    const auto& specs = container->spec().endpoints;
    if (std::ranges::any_of(specs,
                            [&](const auto& endpoint) { return name_of(endpoint) == name.host; })) {
      update(container);
    }
  }
}

void EndpointResolver::failed(Name& name, const Error& error) {
  name.timer.set(loop_.timers(), loop_.now_ms() + name.retry_ms);
  name.retry_ms = std::min(2 * name.retry_ms, kMaxRetryMs);
  if (std::exchange(name.failing, true)) return;
  spdlog::warn("{} cannot be resolved: {}; {} until it can", name.host, error.message,
               name.addresses.empty() ? "it has no endpoint" : "its last addresses stay");
}

void EndpointResolver::update(const std::shared_ptr<upstream::SharedContainer>& container) {
  const std::shared_ptr<const upstream::EndpointList> before = container->endpoints();
  upstream::EndpointList list;
  for (const snapshot::EndpointSpec& endpoint : container->spec().endpoints) {
    const Result<std::optional<net::Address>> literal = literal_address(endpoint);
    if (!literal) continue;  // refused when the configuration was read
    if (literal->has_value()) {
      add(list, *before, **literal, endpoint);
      continue;
    }
    for (const std::string& ip : names_.at(endpoint.host)->addresses) {
      if (const Result<net::Address> address = net::Address::from_ip(ip, endpoint.port); address) {
        add(list, *before, *address, endpoint);
      }
    }
  }
  if (list == *before) return;
  container->set_endpoints(std::make_shared<const upstream::EndpointList>(std::move(list)));
  on_change_(container);
}

void EndpointResolver::settle(bool out_of_patience) {
  if (!ready_) return;
  const bool answered =
      std::ranges::all_of(names_, [](const auto& entry) { return entry.second->answered; });
  if (!answered && !out_of_patience) return;
  patience_.disarm();
  std::exchange(ready_, nullptr)();
}

}  // namespace flagmesh
