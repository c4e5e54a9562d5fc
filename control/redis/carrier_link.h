// The two connections of a RedisCarrier, where they lead, and what is sent on them. Internal to
// control/redis.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/redis/client.h"
#include "control/redis/scripts.h"
#include "control/redis/sentinel.h"
#include "control/snapshot/carrier.h"
#include "proxy/net/io_context.h"

namespace flagmesh::redis {

// A command in words of its own.
using Words = std::vector<std::string>;

// RESP2 subscribers can do nothing else, so one connection is for commands and one listens. On the
// loop's thread; destroying it is silent.
class CarrierLink {
 public:
  using OnState = std::function<void(const Status&)>;
  using OnMessage = Client::OnMessage;

  // `on_state`: both are there, or why not; once for each change of that. `on_change`: the same,
  // for the carrier's owner, and without reasons.
  CarrierLink(net::IoContext& context, ClientOptions options, std::optional<SentinelOptions> sentinel,
              OnState on_state);
  ~CarrierLink() { *alive_ = false; }
  CarrierLink(const CarrierLink&) = delete;
  CarrierLink& operator=(const CarrierLink&) = delete;

  // Without channels there is only the connection for commands.
  void start(std::vector<std::string> channels, OnMessage on_message,
             std::function<void(bool connected)> on_change);
  bool connected() const { return connected_; }

  void send(const Words& words, Client::OnReply on_reply);
  // Sends all, and says when each was answered: the first error, if any. REQUIRES: not empty.
  void send_all(std::vector<Words> all, snapshot::Carrier::Done<void> done);
  // `keys_and_arguments`: number of keys, keys, arguments.
  void run(const Script& script, Words keys_and_arguments, Client::OnReply on_reply);

 private:
  void on_client(const Status& status);
  void on_switch();
  void tell_trouble(const Error& why);

  std::unique_ptr<Sentinel> sentinel_;  // before the clients, which ask it
  Client commands_;
  Client listener_;
  OnState on_state_;
  std::function<void(bool)> on_change_;
  bool listens_ = false;    // there are channels, so both connections count
  bool connected_ = false;  // as last told
  std::string trouble_;     // code of the failure that was told last
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// A reply that is no error; code "redis_error".
Status ok_of(const Result<Reply>& reply);

}  // namespace flagmesh::redis
