// The other end of a TCP connection, played by hand: a client that asks, or an origin that answers.
// Plain sockets, so that nothing under test is used to test itself.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/address.h"

namespace flagmesh::fakes {

// One HTTP/1 response (or request: `start` is its first line), taken apart by a parser of its own.
struct Message {
  std::string start;
  std::multimap<std::string, std::string> fields;  // lower-case names
  std::string body;                                // without chunk framing
  std::multimap<std::string, std::string> trailers;

  int status() const { return start.size() < 12 ? 0 : std::stoi(start.substr(9, 3)); }
  size_t count(const std::string& name) const { return fields.count(name); }
  // All values of that name, joined by ", "; empty when absent.
  std::string field(const std::string& name) const;
};

// Never blocks: poll() moves what can be moved.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { close(); }

  void say(std::string_view bytes) {
    unsent_ += bytes;
    poll();
  }
  void poll();
  // Stops taking what comes, so that the sender meets back pressure.
  void stop_reading() { reading_ = false; }
  void go_on_reading() { reading_ = true; }
  void end_writing();  // FIN, after what was said
  void close();        // FIN, or a reset when bytes are unread
  void reset();        // RST

  // Takes a complete message off the front of `got`: nothing while there is none. `head_only`: the
  // answer to HEAD.
  std::optional<Message> take(bool head_only = false);

  std::string got;
  bool ended = false;   // FIN came
  bool broken = false;  // RST came
  bool over() const { return ended || broken; }
  size_t unsent() const { return unsent_.size(); }
  int fd() const { return fd_; }

 private:
  int fd_;
  std::string unsent_;
  bool reading_ = true;
  bool ending_ = false;
};

// Listens; connections are played by the test.
class Origin {
 public:
  Origin();
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;
  ~Origin() { stop(); }

  const net::Address& address() const { return address_; }
  // From now on connecting is refused.
  void stop();
  void poll();
  // Every connection so far, in the order they came.
  std::vector<std::unique_ptr<Peer>> peers;
  Peer& last() { return *peers.back(); }

 private:
  int fd_;
  net::Address address_;
};

// Connects and returns at once.
std::unique_ptr<Peer> connect_to(const net::Address& address, int receive_buffer = 0);

}  // namespace flagmesh::fakes
