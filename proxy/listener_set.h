// The sockets of the router's listeners: which are open, which worker accepts from which, and how they
// come and go without losing anybody who is in a queue.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"
#include "proxy/net/listen_socket.h"
#include "proxy/takeover_predecessor.h"
#include "proxy/takeover_service.h"
#include "proxy/worker.h"

namespace flagmesh {

// On the main thread; the workers outlive it. A TCP listener is a SO_REUSEPORT group of at least as
// many sockets as workers, and every one of them is accepted from: a socket of the group that nobody
// looks at loses what the kernel puts into its queue.
class ListenerSet {
 public:
  using Workers = std::vector<std::unique_ptr<Worker>>;

  ListenerSet(event::Loop& loop, const Workers& workers);
  ListenerSet(const ListenerSet&) = delete;
  ListenerSet& operator=(const ListenerSet&) = delete;

  // Opens what is wanted and not open (new ones first: an error changes nothing), closes what is not
  // wanted any more. `predecessor`: sockets are taken from it where it has them; null: none.
  Status update(const std::vector<config::ListenerConfig>& wanted,
                takeover::Predecessor* predecessor = nullptr);

  // Where the listeners are bound, in the order of the configuration.
  const std::vector<net::Address>& addresses() const { return addresses_; }

  // Every socket, for a successor.
  std::vector<takeover::Offer::Socket> offer() const;
  // The successor serves from those with true (in the order of offer()): they are let go as they are.
  // The others are closed as by close_all().
  void let_go(const std::vector<bool>& adopted, std::function<void()> done);
  // A process that got offer() may serve from the sockets when this one ends: from now on they are closed without a word to the kernel
  // that would hold for it, too.
  void spare_sockets() { spare_ = true; }
  // Lets nobody in any more, accepts who is there already, closes; then `done`, once.
  void close_all(std::function<void()> done);

 private:
  struct Group {
    std::string name;  // the address as configured; "#2" behind it for a second one with port 0
    uint64_t id = 0;   // for the workers; a listener that goes and comes back has another one
    std::vector<std::shared_ptr<net::ListenSocket>> sockets = {};
    uint32_t max_connections = 0;  // that `places` is for; 0: null
    std::shared_ptr<upstream::LimitPool> places = nullptr;
  };
  struct Closing {
    MonoMs at;
    uint64_t id;
  };

  Result<Group> open(const std::string& name, const config::ListenerConfig& listener,
                     takeover::Predecessor* predecessor);
  Status fill(Group& group, const net::Address& address, const net::ListenOptions& options);
  void follow(Group& group, const config::ListenerConfig& listener);
  void attach(const Group& group);
  void retire(const Group& group);
  void close_due();
  void remove(uint64_t id);
  void removed();

  event::Loop& loop_;
  const Workers& workers_;
  std::vector<Group> groups_;  // in the order of the configuration
  std::vector<net::Address> addresses_;
  std::vector<Closing> closing_;
  event::Timer close_timer_;
  size_t removing_ = 0;  // workers that have yet to empty a queue
  std::function<void()> when_closed_;
  uint64_t next_id_ = 1;
  bool spare_ = false;
};

}  // namespace flagmesh
