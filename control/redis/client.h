// A Redis connection that speaks RESP2 and stays connected: commands with a reply each, or
// subscriptions.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "control/redis/reply.h"
#include "proxy/base/result.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"
#include "proxy/net/address.h"
#include "proxy/net/connection.h"
#include "proxy/net/tls_client.h"

namespace flagmesh::redis {

struct Place {
  std::string host = "127.0.0.1";  // IP address or name, or "unix:/path"
  uint16_t port = 6379;

  bool operator==(const Place&) const = default;
  // "127.0.0.1:6379", "[::1]:6379" or "unix:/path".
  std::string text() const;
};

// Where Redis is and how patient we are. Times in milliseconds: a connection that died without a
// word is noticed after ping_every_ms + reply_timeout_ms, and a new one is tried within
// backoff_max_ms, all of it in less than five seconds.
struct ClientOptions {
  Place place;
  // Asked for the place at every attempt (Sentinel); an error is one of OnState. None: `place`.
  std::function<Result<Place>()> where = {};
  bool require_master = false;  // by ROLE, after every connection: code "not_master"
  // TLS; its files are read again at every attempt, so that renewed ones count. None: clear text.
  std::optional<net::TlsClientSpec> tls;
  std::string tls_name;  // what the peer's certificate must be for; empty: the host
  std::string user;      // AUTH user password; empty: AUTH password
  std::string password;  // empty: no AUTH. Never shown in an error or a log
  uint32_t database = 0;
  uint64_t connect_timeout_ms = 2'000;  // TCP, TLS, AUTH, SELECT and ROLE together
  uint64_t ping_every_ms = 1'500;       // of silence; a PONG is due within the reply timeout
  uint64_t reply_timeout_ms = 2'500;    // the oldest command without a reply ends the connection
  uint64_t backoff_min_ms = 50;  // doubles up to the maximum; the wait is a random part of it
  uint64_t backoff_max_ms = 1'000;
  ReplyLimits limits;
  size_t waiting_bytes = 256 * 1024 * 1024;  // commands that Redis has not taken yet
};

// One connection at a time, on the thread of its loop. The IoContext outlives it. Destroying it is
// silent: no callback follows.
class Client final : private net::ConnectionHandler {
 public:
  using OnReply = std::move_only_function<void(Result<Reply>)>;
  // Connected (and authenticated, and on the right database), or why no longer. Errors:
  // "unreachable", "disconnected", "timed_out", "bad_reply", "auth_failed", "bad_address",
  // "unavailable" (Redis is loading), "not_master", "tls_certificate" (files of ours), the names of
  // net::TlsFailure, and those of ClientOptions::where. Sent once for each change, and once for
  // each failed attempt.
  using OnState = std::function<void(Status connected)>;
  // A message of a subscription.
  using OnMessage = std::function<void(std::string_view channel, std::string_view text)>;

  Client(net::IoContext& context, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Connects at a later turn, and again whenever the connection ends, for ever. Call once.
  void start(OnState on_state);
  // With channels the connection is a subscriber: it takes no commands, subscribes on every
  // connection, and counts as connected when every subscription was acknowledged. Before start().
  void subscribe_to(std::vector<std::string> channels, OnMessage on_message);

  bool connected() const { return state_ == State::kReady; }

  // Sends a command; the reply comes later, in order, never inside the call. Fails with the codes
  // of OnState, or "unavailable" while not connected, "too_large"; an error reply of Redis is a
  // Reply of that type. REQUIRES: not a subscriber.
  void command(const std::vector<std::string_view>& words, OnReply on_reply);

  // Ends the connection as if it had failed, and connects again.
  void reconnect(Error why);

 private:
  enum class State : uint8_t { kIdle, kResolving, kConnecting, kGreeting, kReady, kWaiting };
  struct Pending {
    OnReply on_reply;
    MonoMs sent = 0;
  };
  struct Lookup;  // of a host's name, on a thread of its own

  void on_connected() override;
  size_t on_bytes(std::string_view bytes) override;
  void on_close(net::CloseCause cause, int error) override;

  void connect();
  void look_up();
  void looked_up(Result<std::vector<net::Address>> addresses);
  void connect_to(const Result<net::Address>& address);
  void greet();
  void greeted(Result<Reply> reply, const char* what);
  void ready();
  void send(const std::vector<std::string_view>& words, OnReply on_reply);
  void write(std::string command);
  void handle(Reply reply);
  void handle_push(const Reply& push);
  void fail_all(Error why);
  void close_connection();
  void tick();
  bool is_overdue() const;
  bool is_subscriber() const { return !channels_.empty(); }
  MonoMs backoff();

  net::IoContext& context_;
  const ClientOptions options_;
  Place place_;  // of this attempt
  OnState on_state_;
  OnMessage on_message_;
  std::vector<std::string> channels_;
  State state_ = State::kIdle;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<ReplyReader> reader_;
  std::shared_ptr<Lookup> lookup_;
  std::deque<Pending> pending_;
  size_t acknowledged_ = 0;  // subscriptions
  MonoMs attempt_began_ = 0;
  MonoMs last_moved_ = 0;  // when bytes last came, or waiting ones went
  size_t last_waiting_ = 0;
  MonoMs ping_sent_ = 0;   // 0: none is out
  unsigned failures_ = 0;  // in a row
  std::minstd_rand random_;
  event::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what runs on a later turn
};

}  // namespace flagmesh::redis
