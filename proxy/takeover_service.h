// The running router's side of a take-over: waits for a successor, shows it everything, and lets go
// when the successor serves.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/event/loop.h"
#include "proxy/event/timer.h"
#include "proxy/takeover_channel.h"

namespace flagmesh::takeover {

// All that a successor gets.
struct Offer {
  struct Socket {
    SocketName name;
    int fd = -1;  // stays ours
  };
  std::vector<Socket> sockets = {};
  std::map<std::string, std::string> values = {};
};

// On the main loop's thread. One successor at a time; one that goes away before it is ready, or
// takes longer than kPatienceMs, changes nothing.
class Service final : private event::IoHandler {
 public:
  static constexpr MonoMs kPatienceMs = 300'000;

  struct Hooks {
    // What there is now; an error (shutting down) is told to the successor.
    std::function<Result<Offer>()> offer;
    // The successor serves from the sockets with true; called once. `sockets` is as offer() gave
    // it.
    std::function<void(const std::vector<bool>& adopted)> released;
  };

  // Listens at once. The door is published already.
  static Result<std::unique_ptr<Service>> start(event::Loop& loop, std::unique_ptr<Door> door,
                                                Hooks hooks);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  // A successor has the sockets and is not ready yet: the set of listeners must not change.
  bool busy() const { return channel_ != nullptr; }

 private:
  Service(event::Loop& loop, std::unique_ptr<Door> door, Hooks hooks);
  void on_io(bool readable, bool writable, bool closed) override;
  void knock();
  void heard();
  void greet();
  Status show(const Offer& offer);
  void let_go(const Message& ready);
  void forget(const std::string& why);

  // The conversation's readiness, apart from the door's.
  class Talk final : public event::IoHandler {
   public:
    explicit Talk(Service& service) : service_(service) {}
    void on_io(bool, bool, bool) override { service_.heard(); }

   private:
    Service& service_;
  };

  event::Loop& loop_;
  std::unique_ptr<Door> door_;
  Hooks hooks_;
  event::Io knocking_;
  Talk talk_{*this};
  event::Io talking_;
  event::Timer patience_;
  std::unique_ptr<Channel> channel_;
  bool greeted_ = false;
  size_t offered_ = 0;
};

}  // namespace flagmesh::takeover
