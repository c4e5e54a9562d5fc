#include "proxy/listener_set.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "proxy/net/listener.h"

namespace flagmesh {

namespace {

// Two listeners may have the same text: port 0 is another port each time.
std::vector<std::string> names_of(const std::vector<config::ListenerConfig>& listeners) {
  std::vector<std::string> names;
  for (const config::ListenerConfig& listener : listeners) {
    std::string name = listener.address;
    for (unsigned n = 2; std::ranges::find(names, name) != names.end(); ++n) {
      name = listener.address + "#" + std::to_string(n);
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

ListenerSet::ListenerSet(event::Loop& loop, const Workers& workers)
    : loop_(loop),
      workers_(workers),
      close_timer_([](void* self) { static_cast<ListenerSet*>(self)->close_due(); }, this) {}

Status ListenerSet::update(const std::vector<config::ListenerConfig>& wanted,
                           takeover::Predecessor* predecessor) {
  const std::vector<std::string> names = names_of(wanted);
  std::vector<Group> opened;
  const auto named = [](std::vector<Group>& in, const std::string& name) {
    return std::ranges::find(in, name, &Group::name);
  };
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (named(groups_, names[i]) != groups_.end()) continue;
    Result<Group> group = open(names[i], wanted[i], predecessor);
    if (!group) return std::unexpected(group.error());
    opened.push_back(std::move(*group));
  }
  std::vector<Group> next;
  addresses_.clear();
  for (size_t i = 0; i < wanted.size(); ++i) {
    const bool known = named(groups_, names[i]) != groups_.end();
    next.push_back(std::move(*named(known ? groups_ : opened, names[i])));
    addresses_.push_back(next.back().sockets.front()->address());
    follow(next.back(), wanted[i]);
    if (!known) attach(next.back());
  }
  for (const Group& group : groups_) {
    if (!group.sockets.empty()) retire(group);  // the others were moved to `next`
  }
  groups_ = std::move(next);
  return {};
}

Result<ListenerSet::Group> ListenerSet::open(const std::string& name,
                                             const config::ListenerConfig& listener,
                                             takeover::Predecessor* predecessor) {
  Result<net::Address> address = net::Address::parse(listener.address);
  if (!address) return std::unexpected(address.error());
  Group group{.name = name, .id = next_id_++};
  // By name first: port 0 stays the port that it got. Then by place: the text may have changed.
  for (const bool by_name : {true, false}) {
    if (predecessor == nullptr || !group.sockets.empty()) break;
    for (takeover::Predecessor::Socket& socket : predecessor->sockets()) {
      if (socket.adopted || socket.socket == nullptr ||
          socket.name.role != takeover::Role::kListener) {
        continue;
      }
      if (by_name ? socket.name.name != name : !(socket.socket->address() == *address)) continue;
      socket.adopted = true;
      group.sockets.push_back(socket.socket);
    }
  }
  if (Status filled = fill(group, *address, listener.socket); !filled) return std::unexpected(filled.error());
  return group;
}

// What can change while a listener is open.
void ListenerSet::follow(Group& group, const config::ListenerConfig& listener) {
  for (const auto& socket : group.sockets) {
    const Status adjusted = net::adjust_listening(socket->fd(), listener.socket);
    if (!adjusted) spdlog::warn("{}: {}", listener.address, adjusted.error().text());
  }
  // Connections count where they began: those from before there was a limit do not.
  if (listener.max_connections == 0) {
    group.places = nullptr;
  } else if (group.places == nullptr) {
    group.places = std::make_shared<upstream::LimitPool>(listener.max_connections, 1);
  } else {
    group.places->change_limit(group.max_connections, listener.max_connections);
  }
  group.max_connections = listener.max_connections;
  stream::ListenerSettings settings = listener.settings;
  settings.places = group.places;
  for (const auto& worker : workers_) worker->set_listener(group.id, settings);
}

// A socket for each worker. Where there is one already and no second can be made, workers share: a
// Unix socket cannot be bound twice, a port below 1024 perhaps not any more.
Status ListenerSet::fill(Group& group, const net::Address& address, const net::ListenOptions& options) {
  while (group.sockets.size() < workers_.size()) {
    const bool shared = address.is_unix() || !options.reuse_port;
    if (shared && !group.sockets.empty()) return {};
    // Port 0: the others share the port that the first one got.
    const net::Address& at = group.sockets.empty() ? address : group.sockets.front()->address();
    Result<int> fd = net::listen_on(at, options);
    if (!fd && !group.sockets.empty()) {
      spdlog::warn("workers share {} sockets: {}", group.sockets.size(), fd.error().text());
      return {};
    }
    if (!fd) return std::unexpected(fd.error());
    group.sockets.push_back(std::make_shared<net::ListenSocket>(*fd));
  }
  return {};
}

void ListenerSet::attach(const Group& group) {
  const size_t turns = std::max(group.sockets.size(), workers_.size());
  for (size_t i = 0; i < turns; ++i) {
    workers_[i % workers_.size()]->add_listener(group.id, group.sockets[i % group.sockets.size()]);
  }
}

// --- The end of a listener ----------------------------------------------------------------------

void ListenerSet::retire(const Group& group) {
  bool handshakes = false;
  for (const auto& socket : group.sockets) {
    if (spare_) continue;
    socket->quiesce();
    handshakes = handshakes || !socket->address().is_unix();
  }
  closing_.push_back({loop_.now_ms() + (handshakes ? net::ListenSocket::kHandshakeMs : 0), group.id});
  close_due();
}

void ListenerSet::close_due() {
  MonoMs next = 0;
  std::erase_if(closing_, [&](const Closing& closing) {
    if (closing.at <= loop_.now_ms()) {
      remove(closing.id);
      return true;
    }
    next = next == 0 ? closing.at : std::min(next, closing.at);
    return false;
  });
  if (next != 0) close_timer_.set(loop_.timers(), next);
}

void ListenerSet::remove(uint64_t id) {
  for (const auto& worker : workers_) {
    ++removing_;
    worker->remove_listener(id, [this] { loop_.post([this] { removed(); }); });
  }
}

void ListenerSet::removed() {
  --removing_;
  if (removing_ == 0 && closing_.empty() && when_closed_) std::exchange(when_closed_, nullptr)();
}

void ListenerSet::close_all(std::function<void()> done) { let_go({}, std::move(done)); }

std::vector<takeover::Offer::Socket> ListenerSet::offer() const {
  std::vector<takeover::Offer::Socket> sockets;
  for (const Group& group : groups_) {
    for (const auto& socket : group.sockets) {
      sockets.push_back({{takeover::Role::kListener, group.name}, socket->fd()});
    }
  }
  return sockets;
}

void ListenerSet::let_go(const std::vector<bool>& adopted, std::function<void()> done) {
  when_closed_ = std::move(done);
  size_t first = 0;
  for (Group& group : groups_) {
    const bool taken = first < adopted.size() && adopted[first];  // a successor takes all or none
    first += group.sockets.size();
    if (!taken) {
      retire(group);
      continue;
    }
    for (const auto& worker : workers_) worker->release_listener(group.id);
  }
  groups_.clear();
  if (removing_ == 0 && closing_.empty() && when_closed_) {
    loop_.post([this] {
      if (when_closed_) std::exchange(when_closed_, nullptr)();
    });
  }
}

}  // namespace flagmesh
