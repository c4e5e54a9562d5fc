#include "proxy/takeover_service.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

namespace flagmesh::takeover {

Service::Service(event::Loop& loop, std::unique_ptr<Door> door, Hooks hooks)
    : loop_(loop),
      door_(std::move(door)),
      hooks_(std::move(hooks)),
      patience_([](void* self) { static_cast<Service*>(self)->forget("it takes too long"); },
                this) {}

Service::~Service() {
  talking_.close();
  knocking_.close();
}

Result<std::unique_ptr<Service>> Service::start(event::Loop& loop, std::unique_ptr<Door> door,
                                                Hooks hooks) {
  std::unique_ptr<Service> service(new Service(loop, std::move(door), std::move(hooks)));
  Status opened =
      service->knocking_.open(loop, service->door_->fd(), event::Io::Mode::kLevelRead, *service);
  if (!opened) return std::unexpected(opened.error());
  return service;
}

void Service::on_io(bool, bool, bool) {
  knock();
}

void Service::knock() {
  std::unique_ptr<Channel> channel = door_->accept();
  if (channel == nullptr) return;
  if (Status checked = channel->check_peer(); !checked) {
    spdlog::warn("take-over refused: {}", checked.error().text());
    return;
  }
  if (busy()) {
    (void)channel->send({.kind = Kind::kRefused, .text = "another take-over is under way"});
    return;
  }
  channel_ = std::move(channel);
  greeted_ = false;
  patience_.set(loop_.timers(), loop_.now_ms() + kPatienceMs);
  if (!talking_.open(loop_, channel_->fd(), event::Io::Mode::kLevelRead, talk_)) forget("no event");
}

void Service::heard() {
  Result<Received> received = channel_->receive(0);
  if (!received) {
    if (received.error().code == "takeover_timeout") return;
    // So that a newer program is told why.
    if (received.error().code == "takeover_version") {
      (void)channel_->send({.kind = Kind::kRefused, .text = received.error().message});
    }
    return forget(received.error().text());
  }
  const Message& message = received->message;
  if (!greeted_ && message.kind == Kind::kHello) {
    spdlog::info("take-over: process {} asks for the sockets", message.pid);
    greet();
  } else if (greeted_ && message.kind == Kind::kReady) {
    let_go(message);
  } else {
    forget("it speaks out of turn");
  }
}

void Service::greet() {
  Result<Offer> offer = hooks_.offer();
  Status shown = offer ? show(*offer) : Status(std::unexpected(offer.error()));
  if (shown) {
    greeted_ = true;
    return;
  }
  (void)channel_->send({.kind = Kind::kRefused, .text = shown.error().text().substr(0, kMaxName)});
  forget(shown.error().text());
}

Status Service::show(const Offer& offer) {
  if (offer.sockets.size() > kMaxSockets || offer.values.size() > kMaxValues) {
    return fail("takeover", "there are more sockets than a take-over can carry");
  }
  offered_ = offer.sockets.size();
  for (size_t at = 0; at < offer.sockets.size(); at += kMaxDescriptors) {
    Message message{.kind = Kind::kSockets};
    std::vector<int> fds;
    const size_t end = std::min(offer.sockets.size(), at + kMaxDescriptors);
    for (size_t i = at; i < end; ++i) {
      message.sockets.push_back(offer.sockets[i].name);
      fds.push_back(offer.sockets[i].fd);
    }
    if (Status sent = channel_->send(message, fds); !sent) return sent;
  }
  for (const auto& [name, value] : offer.values) {
    if (name.empty() || name.size() > kMaxName || value.size() > kMaxValue) {
      return fail("takeover", "the state '" + name + "' is larger than a take-over can carry");
    }
    if (Status sent = channel_->send({.kind = Kind::kValue, .name = name, .text = value}); !sent)
      return sent;
  }
  return channel_->send({.kind = Kind::kEnd, .pid = static_cast<uint32_t>(getpid())});
}

void Service::let_go(const Message& ready) {
  std::vector<bool> adopted(offered_, false);
  for (const uint32_t index : ready.adopted) {
    if (index >= offered_) return forget("it names a socket that was not offered");
    adopted[index] = true;
  }
  talking_.close();
  knocking_.close();
  patience_.cancel();
  door_.reset();  // its place is the successor's
  const std::unique_ptr<Channel> channel = std::move(channel_);
  hooks_.released(adopted);
  (void)channel->send({.kind = Kind::kReleased});
}

void Service::forget(const std::string& why) {
  spdlog::warn("take-over given up, this router goes on: {}", why);
  talking_.close();
  patience_.cancel();
  channel_.reset();
}

}  // namespace flagmesh::takeover
