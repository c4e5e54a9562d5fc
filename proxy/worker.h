// One thread, one loop, its own listeners, connections, pools and numbers. Workers share nothing but immutable snapshots.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "control/ofrep/ofrep_handler.h"
#include "control/ofrep/router_flags.h"
#include "proxy/event/loop.h"
#include "proxy/net/io_context.h"
#include "proxy/net/descriptor_reserve.h"
#include "proxy/net/listener.h"
#include "proxy/stream/forwarder.h"
#include "proxy/stream/h1_session.h"
#include "proxy/stream/local_adapter.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh {

struct WorkerOptions {
  uint32_t index = 0;
  stream::SessionTimeouts timeouts;
  http::H1Limits messages;
  uint32_t tls_handshakes = limits::kTlsHandshakes;
  std::string access_log;
  bool redact = false;  // LogConfig::redact
  ofrep::OfrepOptions ofrep;
  upstream::LimitPool* connections = nullptr;  // the process's places; outlives the worker; null: no limit
  // Called on the worker's thread; must be quick and thread-safe.
  std::function<void(std::shared_ptr<const stream::ServedSnapshot>)> snapshot_unused;
  std::function<void(upstream::SharedContainer&, upstream::EndpointState&)> report_outlier;
};

// Made and destroyed by the main thread. Every method but post() and stats() is for the main thread and only posts.
class Worker {
 public:
  // Sets up everything that can fail, on the calling thread.
  static Result<std::unique_ptr<Worker>> create(WorkerOptions options);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  void start();
  // Ends the thread: connections are closed as they are.
  void stop();

  // What holds for connections that listener `id` accepts from now on; before its first add_listener().
  void set_listener(uint64_t id, stream::ListenerSettings settings);
  // Accepts from that socket from now on; a listener `id` may have several.
  void add_listener(uint64_t id, std::shared_ptr<net::ListenSocket> socket);
  // Accepts what is queued in its sockets, then lets them go, then calls `done` on the worker's thread.
  void remove_listener(uint64_t id, std::function<void()> done);
  // Lets them go as they are: another process accepts from them.
  void release_listener(uint64_t id);
  // `applied` is called on the worker's thread when requests are served under it.
  void apply(std::shared_ptr<const stream::ServedSnapshot> served, std::function<void()> applied = {});
  void set_timeouts(stream::SessionTimeouts timeouts);
  void set_ofrep(ofrep::OfrepOptions options);
  void set_message_limits(http::H1Limits limits);
  void set_tls_handshakes(uint32_t max);
  // `grace`: ms, for kDrain.
  void set_on_change(stream::OnChange action, MonoMs grace);
  // Bytes that may wait for slow peers before new requests are refused.
  void set_max_buffered(uint64_t bytes);
  void endpoints_changed(std::shared_ptr<upstream::SharedContainer> container);
  void reopen_access_log();
  // Clients are asked to close after their response; those that say nothing are closed after a moment.
  void drain();

  const stream::WorkerStats& stats() const { return stats_; }

 private:
  explicit Worker(WorkerOptions options, std::unique_ptr<event::Loop> loop);
  void apply_here(std::shared_ptr<const stream::ServedSnapshot> served);
  void shut_down_here();

  WorkerOptions options_;
  stream::WorkerStats stats_;
  std::unique_ptr<event::Loop> loop_;
  net::IoContext io_;
  stream::WorkerContext context_;
  stream::Forwarder forwarder_;
  ofrep::RouterFlags flags_;
  ofrep::OfrepHandler ofrep_;
  stream::LocalAdapter ofrep_adapter_{ofrep_};
  stream::SessionList sessions_;
  net::DescriptorReserve reserve_;
  std::unordered_multimap<uint64_t, std::unique_ptr<net::Listener>> listeners_;
  std::unordered_map<uint64_t, stream::ListenerRef> listener_settings_;
  std::unordered_map<upstream::SharedContainer*, upstream::Container*> containers_;  // references held
  std::thread thread_;
};

}  // namespace flagmesh
