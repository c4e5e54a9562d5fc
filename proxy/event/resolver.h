// Names to addresses without blocking: /etc/hosts first, then DNS over UDP and, for answers that do
// not fit, over TCP. c-ares is behind it and seen only in resolver.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/event/loop.h"

namespace flagmesh::event {

struct ResolverOptions {
  // "IP:PORT,..." of the DNS servers; empty: those of /etc/resolv.conf.
  std::string servers;
  // For one try at one server; c-ares waits longer at each further round.
  uint32_t timeout_ms = 2'000;
  uint32_t tries = 3;
};

// What a name stands for at the moment.
struct ResolvedName {
  // IPv4 ("192.0.2.7") and IPv6 ("2001:db8::7") literals, sorted, each once; never empty.
  std::vector<std::string> addresses;
  // Seconds for which it may be used: the least of all records on the way, CNAMEs included. 0 for
  // what /etc/hosts says.
  uint32_t ttl_s = 0;
};

// Owned by whoever asks; on the loop's thread; destroyed before the loop. Search domains and
// `ndots` of resolv.conf apply, as in libc.
class Resolver {
 public:
  // Error codes: "no_such_name" (there is no such name, or it has no address), "dns_timeout",
  // "dns_failed" (refused, malformed, no server). The place is the name.
  using Done = std::function<void(Result<ResolvedName>)>;

  static Result<std::unique_ptr<Resolver>> create(Loop& loop, const ResolverOptions& options = {});
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  // Ends what is under way; no callback follows.
  ~Resolver();

  // Asks for A and AAAA records. `done` is called once, never inside resolve(), unless the resolver
  // is destroyed before. It may call resolve(), but not destroy the resolver.
  void resolve(const std::string& name, Done done);

 private:
  class Impl;
  explicit Resolver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flagmesh::event
