// Endpoints of containers that are names: asked for at start and at a reload, again as their TTL
// says, and put into their containers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/event/resolver.h"
#include "proxy/upstream/shared_container.h"

namespace flagmesh {

// On the main thread's loop. Every address of a name is an endpoint of its own, of one family: IPv4
// when there is any, else IPv6, because both usually lead to the same server. An address that stays
// keeps its EndpointState, and so its health, its ejection and its connections.
//
// A name that cannot be resolved keeps its last addresses, is asked for again after a second, then
// two, four, up to kMaxRetryMs, and is named in the log once, and once when it is back. Until it
// resolves for the first time, it stands for no endpoint.
class EndpointResolver {
 public:
  // How soon a name is asked for again, whatever its TTL says.
  static constexpr MonoMs kMinTtlMs = 1'000;
  static constexpr MonoMs kMaxTtlMs = 300'000;
  static constexpr MonoMs kFirstRetryMs = 1'000;
  static constexpr MonoMs kMaxRetryMs = 30'000;
  // How long a start or a reload waits for the first answers.
  static constexpr MonoMs kPatienceMs = 1'000;

  using Containers = std::vector<std::shared_ptr<upstream::SharedContainer>>;
  // A container has got other endpoints: health checks and workers have to know.
  using OnChange = std::function<void(const std::shared_ptr<upstream::SharedContainer>&)>;

  static Result<std::unique_ptr<EndpointResolver>> create(
      event::Loop& loop, OnChange on_change, const event::ResolverOptions& options = {});

  // From now on these are the containers. Each has its endpoints as far as they are known when this
  // returns. `ready` is called when every name was answered once, or after kPatienceMs: inside this
  // call when there is nothing to wait for. A later call forgets an earlier `ready`.
  void set_containers(Containers containers, std::move_only_function<void()> ready);

 private:
  struct Name {
    Name(EndpointResolver& owner, std::string asked_for);
    EndpointResolver& resolver;
    const std::string host;
    std::vector<std::string> addresses;  // sorted; of one family
    event::Timer timer;                  // when it is asked for again
    MonoMs retry_ms = kFirstRetryMs;
    bool asking = false;
    bool answered = false;
    bool failing = false;
  };

  EndpointResolver(event::Loop& loop, OnChange on_change,
                   std::unique_ptr<event::Resolver> resolver);
  void keep_names();
  void ask(Name& name);
  void on_answer(const std::string& host, const Result<event::ResolvedName>& answer);
  void resolved(Name& name, const event::ResolvedName& found);
  void failed(Name& name, const Error& error);
  void update(const std::shared_ptr<upstream::SharedContainer>& container);
  void settle(bool out_of_patience);

  event::Loop& loop_;
  OnChange on_change_;
  Containers containers_;
  std::map<std::string, std::unique_ptr<Name>> names_;
  std::move_only_function<void()> ready_;
  event::Timer patience_;
  std::unique_ptr<event::Resolver> resolver_;
};

}  // namespace flagmesh
