// Which Redis is the master, as Redis Sentinel says. https://redis.io/docs/reference/sentinel-clients
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/redis/client.h"
#include "proxy/base/result.h"
#include "proxy/event/timer.h"
#include "proxy/net/io_context.h"

namespace flagmesh::redis {

struct SentinelOptions {
  std::vector<Place> sentinels;  // at least one; the first that answers is asked
  std::string master;            // the name that they know it by
  std::string user;              // of the sentinels themselves, as in ClientOptions
  std::string password;
  std::optional<net::TlsClientSpec> tls;
  uint64_t poll_ms = 1'000;  // between two questions; a switch is also heard at once
};

// Two connections to sentinels, one that asks and one that hears `+switch-master`. A sentinel that
// was cut off may still name the old master, so an address is taken from the newest configuration
// epoch that was seen, and whoever connects there checks its ROLE.
//
// On the loop's thread; the IoContext outlives it. Destroying it is silent.
class Sentinel {
 public:
  Sentinel(net::IoContext& context, SentinelOptions options);
  ~Sentinel();
  Sentinel(const Sentinel&) = delete;
  Sentinel& operator=(const Sentinel&) = delete;

  // `on_switch`: the master is another one than before, also the first time. `on_trouble`: no
  // sentinel can be asked. Call once.
  void start(std::function<void()> on_switch, std::function<void(const Error&)> on_trouble);

  // Code "no_master": none is known yet.
  Result<Place> master() const;
  // Who was named does not answer or is no master: another sentinel is asked, soon.
  void suspect();

 private:
  Result<Place> next(size_t& at) const;
  void on_query(const Status& connected);
  void on_message(std::string_view text);
  void ask();
  void on_answer(const Result<Reply>& reply);
  void take(Place place);
  void on_timer();

  net::IoContext& context_;
  const SentinelOptions options_;
  std::function<void()> on_switch_;
  std::function<void(const Error&)> on_trouble_;
  std::optional<Place> master_;
  uint64_t epoch_ = 0;  // of the configuration that named it
  size_t query_at_ = 0;
  size_t listener_at_ = 0;
  bool asking_ = false;
  std::unique_ptr<Client> query_;
  std::unique_ptr<Client> listener_;
  event::Timer timer_;
};

}  // namespace flagmesh::redis
