// The successor's side of a take-over: the running router whose place it takes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/net/listen_socket.h"
#include "proxy/takeover_channel.h"

namespace flagmesh::takeover {

// On the main thread, while the process starts; its calls wait.
class Predecessor {
 public:
  struct Socket {
    SocketName name;
    std::shared_ptr<net::ListenSocket> socket;  // null: none that can be listened on
    bool adopted = false;                       // set by whoever takes it
  };

  // Asks for everything. Null when no router runs there. Codes of Channel, and "takeover_refused".
  static Result<std::unique_ptr<Predecessor>> meet(const std::string& path);

  std::vector<Socket>& sockets() { return sockets_; }
  // State beyond sockets, by name; what is not known is for others.
  const std::map<std::string, std::string>& values() const { return values_; }
  uint32_t pid() const { return pid_; }

  // We serve from the adopted sockets; the others are let go here. Returns when the running router
  // has let go, too. Codes of Channel: it has gone or hangs; serving may go on then.
  Status ready();

 private:
  static constexpr uint32_t kAnswerMs = 10'000;

  explicit Predecessor(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}
  Status listen();
  Status take(Received received);

  std::unique_ptr<Channel> channel_;
  std::vector<Socket> sockets_;
  std::map<std::string, std::string> values_;
  uint32_t pid_ = 0;
};

}  // namespace flagmesh::takeover
