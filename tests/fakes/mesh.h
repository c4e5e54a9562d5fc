// A router's worker on a loop of its own, on the test's thread, between clients and origins that
// the test plays.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "proxy/event/loop.h"
#include "proxy/net/io_context.h"
#include "proxy/net/listener.h"
#include "proxy/stream/forwarder.h"
#include "proxy/stream/h1_session.h"
#include "proxy/stream/worker_context.h"
#include "proxy/upstream/breaker_monitor.h"
#include "tests/fakes/peer.h"

namespace flagmesh::fakes {

// In the texts "@NAME" is the address of origin NAME, which is made when it is first named. When
// the mesh ends it checks that every place under every limit was given back.
class Mesh {
 public:
  // The keys `routes` and `containers` of the section `proxy`, indented by two spaces.
  explicit Mesh(const std::string& routing, const std::string& flags = "");
  // One route to one container "web" at origin @web. `route` and `container` are further keys of
  // theirs: "timeout: 1s".
  static std::string plain(const std::string& route = "", const std::string& container = "");
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;
  ~Mesh();

  // New flags and trust in force, under the same routes.
  void publish(const std::string& flags, snapshot::TrustStatus trust);
  // Trust under which everything counts; epoch 7.
  static snapshot::TrustStatus unsigned_trust();

  // Of connections from now on; the default believes nobody.
  stream::ListenerRef listener{stream::ListenerSettings{}};
  Peer& client(int receive_buffer = 0);
  // Of the worker's end of connections from now on; 0: the kernel decides.
  int send_buffer = 0;
  Origin& origin(const std::string& name);
  // The connection to that origin with this number, once it is there.
  Peer& accepted(const std::string& name, size_t number = 0);

  // Turns the loop and all peers until it is true; false after 10 seconds.
  template <class Done>
  bool until(Done&& done) {
    const MonoMs deadline = mono_ms() + 10'000;
    while (!done()) {
      if (mono_ms() > deadline) return false;
      turn(2);
    }
    return true;
  }
  void turn(uint32_t wait_ms = 0);
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }

  // The next whole message of that peer; an empty one, and a failure, when none comes.
  Message next(Peer& peer, bool head_only = false);
  // A whole exchange: asks, lets origin `name` answer on its last connection, and returns what the
  // client got.
  Message exchange(Peer& client, const std::string& request, const std::string& name,
                   const std::string& answer);
  // As next() on the newest connection to that origin that has something.
  Message request_at(const std::string& name);

  upstream::SharedContainer& container(const std::string& name);
  const stream::WorkerStats& stats() const { return stats_; }
  stream::WorkerContext& worker() { return *worker_; }
  stream::SessionList& sessions() { return *sessions_; }
  event::Loop& loop() { return *loop_; }
  net::IoContext& io() { return io_; }
  const net::Address& address() const { return address_; }
  uint64_t local_replies(std::string_view reason) const;
  // What the access log has so far. REQUIRES: log_to_file().
  void log_to_file();
  std::string log();

 private:
  std::string with_addresses(std::string text);
  void make_containers();
  void end();

  std::unique_ptr<event::Loop> loop_;
  net::IoContext io_;
  stream::WorkerStats stats_;
  stream::Forwarder forwarder_;
  std::unique_ptr<stream::WorkerContext> worker_;
  std::unique_ptr<stream::SessionList> sessions_;
  std::unique_ptr<net::Listener> listener_;
  net::Address address_;
  snapshot::Routing routing_;
  std::vector<std::shared_ptr<upstream::SharedContainer>> shared_;
  std::vector<upstream::Container*> containers_;
  std::map<std::string, std::unique_ptr<Origin>> origins_;
  std::vector<std::unique_ptr<Peer>> clients_;
  std::string log_path_;
};

}  // namespace flagmesh::fakes
