#include "control/redis/carrier_link.h"

#include <utility>

namespace flagmesh::redis {

namespace {

// With Sentinel, the place is what it says, and whoever answers there has to be the master.
ClientOptions led_by(ClientOptions options, const Sentinel* sentinel) {
  if (sentinel == nullptr) return options;
  options.where = [sentinel] { return sentinel->master(); };
  options.require_master = true;
  return options;
}

}  // namespace

Status ok_of(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  return reply->ok();
}

CarrierLink::CarrierLink(net::IoContext& context, ClientOptions options,
                         std::optional<SentinelOptions> sentinel, OnState on_state)
    : sentinel_(sentinel ? std::make_unique<Sentinel>(context, *std::move(sentinel)) : nullptr),
      commands_(context, led_by(options, sentinel_.get())),
      listener_(context, led_by(options, sentinel_.get())),
      on_state_(std::move(on_state)) {}

void CarrierLink::start(std::vector<std::string> channels, OnMessage on_message,
                        std::function<void(bool)> on_change) {
  on_change_ = std::move(on_change);
  listens_ = !channels.empty();
  if (sentinel_ != nullptr) {
    sentinel_->start([this] { on_switch(); }, [this](const Error& why) { tell_trouble(why); });
  }
  commands_.start([this](const Status& status) { on_client(status); });
  if (!listens_) return;
  listener_.subscribe_to(std::move(channels), std::move(on_message));
  listener_.start([this](const Status& status) { on_client(status); });
}

void CarrierLink::on_switch() {
  commands_.reconnect({"disconnected", "Sentinel named another master"});
  listener_.reconnect({"disconnected", "Sentinel named another master"});
}

// Told again only when the reason is another one.
void CarrierLink::tell_trouble(const Error& why) {
  if (std::exchange(trouble_, why.code) == why.code) return;
  if (on_state_) on_state_(std::unexpected(why));
}

void CarrierLink::on_client(const Status& status) {
  const bool now = commands_.connected() && (!listens_ || listener_.connected());
  if (!status) {
    tell_trouble(status.error());
    if (sentinel_ != nullptr && status.error().code != "no_master") sentinel_->suspect();
  }
  if (now == connected_) return;
  connected_ = now;
  if (now) {
    trouble_.clear();
    if (on_state_) on_state_({});
  }
  on_change_(now);
}

void CarrierLink::send(const Words& words, Client::OnReply on_reply) {
  commands_.command({words.begin(), words.end()}, std::move(on_reply));
}

void CarrierLink::send_all(std::vector<Words> all, snapshot::Carrier::Done<void> done) {
  struct Wait {
    size_t left;
    Status status;
    snapshot::Carrier::Done<void> done;
  };
  const auto wait = std::make_shared<Wait>(Wait{all.size(), {}, std::move(done)});
  for (const Words& words : all) {
    send(words, [wait](const Result<Reply>& reply) {
      Status answered = ok_of(reply);
      if (wait->status) wait->status = std::move(answered);
      if (--wait->left == 0) wait->done(std::move(wait->status));
    });
  }
}

// Scripts are the engine's, which needs a master. One that became a replica takes no writes any
// more, and what it shows is somebody else's past: another look at its name leads to the new one.
void CarrierLink::run(const Script& script, Words keys_and_arguments, Client::OnReply on_reply) {
  Words words{"EVALSHA", script.sha()};
  words.insert(words.end(), keys_and_arguments.begin(), keys_and_arguments.end());
  send(words, [this, &script, words, alive = alive_,
               on_reply = std::move(on_reply)](Result<Reply> reply) mutable {
    const bool refused = reply && reply->is_error();
    if (refused && reply->text.starts_with("NOSCRIPT")) {
      words[0] = "EVAL";
      words[1] = std::string(script.text());
      send(words, std::move(on_reply));
      return;
    }
    const bool demoted = refused && reply->text.starts_with("READONLY");
    on_reply(std::move(reply));
    if (demoted && *alive) commands_.reconnect({"not_master", "Redis takes no writes"});
  });
}

}  // namespace flagmesh::redis
