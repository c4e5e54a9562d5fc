// One end of the connection between two routers: packets with descriptors.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/base/time.h"
#include "proxy/takeover_message.h"

namespace flagmesh::takeover {

// Closes descriptors that nobody took.
class Descriptors {
 public:
  Descriptors() = default;
  Descriptors(Descriptors&& other) noexcept : fds_(std::move(other.fds_)) { other.fds_.clear(); }
  Descriptors& operator=(Descriptors&& other) noexcept;
  ~Descriptors() { clear(); }

  void add(int fd) { fds_.push_back(fd); }
  size_t size() const { return fds_.size(); }
  // The caller owns it now.
  int take(size_t index);
  void clear();

 private:
  std::vector<int> fds_;  // -1: taken
};

struct Received {
  Message message;
  Descriptors descriptors;
};

// Owns the descriptor. Both ends check that the other process has the same user id or is root's.
class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // Null when nobody is there. Codes "takeover" (cannot connect), "takeover_peer" (another user's).
  static Result<std::unique_ptr<Channel>> connect(const std::string& path);

  // Code "takeover_peer".
  Status check_peer() const;
  // `fds` stay ours. A peer that does not read within a second is an error.
  Status send(const Message& message, const std::vector<int>& fds = {});
  // Nothing: not there yet (only when not waiting). Waits `wait_ms` at most. Codes
  // "takeover_closed", "takeover_timeout", "bad_takeover", "takeover_version".
  Result<Received> receive(uint32_t wait_ms);
  int fd() const { return fd_; }

 private:
  int fd_;
};

// A listening SOCK_SEQPACKET socket beside `path`, of mode 0600, not there yet: publish() renames
// it to `path`. Codes "takeover" with the path as place.
class Door {
 public:
  static Result<std::unique_ptr<Door>> open(const std::string& path);
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  // Removes the file when it is still ours.
  ~Door();

  Status publish();
  // Null when nobody knocks.
  std::unique_ptr<Channel> accept();
  int fd() const { return fd_; }

 private:
  Door(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  std::string temporary() const { return path_ + ".new"; }

  int fd_;
  std::string path_;
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
};

}  // namespace flagmesh::takeover
