#include "proxy/takeover_predecessor.h"

#include <unistd.h>

namespace flagmesh::takeover {

Result<std::unique_ptr<Predecessor>> Predecessor::meet(const std::string& path) {
  Result<std::unique_ptr<Channel>> channel = Channel::connect(path);
  if (!channel) return std::unexpected(channel.error());
  if (*channel == nullptr) return nullptr;
  std::unique_ptr<Predecessor> predecessor(new Predecessor(std::move(*channel)));
  if (Status heard = predecessor->listen(); !heard) {
    Error error = heard.error();
    if (error.place.empty()) error.place = path;
    return std::unexpected(std::move(error));
  }
  return predecessor;
}

Status Predecessor::listen() {
  const Message hello{.kind = Kind::kHello, .pid = static_cast<uint32_t>(getpid())};
  (void)channel_->send(hello);  // one that refuses has said why and may have gone
  for (;;) {
    Result<Received> received = channel_->receive(kAnswerMs);
    if (!received) return std::unexpected(received.error());
    const Kind kind = received->message.kind;
    if (kind == Kind::kEnd) {
      pid_ = received->message.pid;
      return {};
    }
    if (Status taken = take(std::move(*received)); !taken) return taken;
  }
}

Status Predecessor::take(Received received) {
  Message& message = received.message;
  if (message.kind == Kind::kRefused) {
    return fail("takeover_refused", "the running router refuses: " + message.text);
  }
  if (message.kind == Kind::kValue && values_.size() < kMaxValues) {
    values_[message.name] = std::move(message.text);
    return {};
  }
  if (message.kind != Kind::kSockets || sockets_.size() + message.sockets.size() > kMaxSockets) {
    return fail("bad_takeover", "the running router speaks out of turn");
  }
  for (size_t i = 0; i < message.sockets.size(); ++i) {
    auto socket = net::ListenSocket::adopt(received.descriptors.take(i));
    sockets_.push_back({std::move(message.sockets[i]), socket ? *socket : nullptr});
  }
  return {};
}

Status Predecessor::ready() {
  Message ready{.kind = Kind::kReady};
  for (size_t i = 0; i < sockets_.size(); ++i) {
    if (sockets_[i].adopted) ready.adopted.push_back(static_cast<uint32_t>(i));
  }
  sockets_.clear();
  if (Status said = channel_->send(ready); !said) return said;
  Result<Received> answer = channel_->receive(kAnswerMs);
  if (!answer) return std::unexpected(answer.error());
  if (answer->message.kind != Kind::kReleased) {
    return fail("bad_takeover", "the running router speaks out of turn");
  }
  return {};
}

}  // namespace flagmesh::takeover
