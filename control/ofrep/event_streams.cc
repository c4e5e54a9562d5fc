#include "control/ofrep/event_streams.h"

#include <algorithm>
#include <map>

namespace flagmesh::ofrep {

std::string EventStreams::id_of(std::string_view tenant) {
  const ListingPtr listing = listings_.of(tenant);
  return listing->version + "." + std::to_string(listing->steps.last(loop_.unix_seconds()));
}

void EventStreams::add(stream::LocalStream stream, std::string_view tenant, std::string_view seen) {
  if (closed_ || !stream.open()) return;
  stream.send("retry: 2000\n\n");
  const std::string id = id_of(tenant);
  Listener& listener = streams_.emplace_back(Listener{std::move(stream), std::string(tenant), id});
  if (!seen.empty() && seen != id) announce(listener, id);
  if (streams_.size() == 1) last_sign_of_life_ = loop_.now_ms();
  wait();
}

void EventStreams::announce(Listener& listener, const std::string& id) {
  listener.seen = id;
  listener.stream.send("id: " + id + "\nevent: message\ndata: {\"etag\":\"\\\"" + id +
                       "\\\"\",\"lastModified\":" + std::to_string(loop_.unix_seconds()) +
                       ",\"type\":\"refetchEvaluation\"}\n\n");
}

void EventStreams::look() {
  std::erase_if(streams_, [](const Listener& listener) {
    return !listener.stream.open() || listener.stream.waiting() > kMaxWaiting;
  });
  std::map<std::string, std::string, std::less<>> ids;
  for (Listener& listener : streams_) {
    auto [id, is_new] = ids.try_emplace(listener.tenant);
    if (is_new) id->second = id_of(listener.tenant);
    if (listener.seen != id->second) announce(listener, id->second);
  }
  wait();
}

// Until the next step of time, or the next sign of life.
void EventStreams::wait() {
  if (streams_.empty()) return timer_.cancel();
  const int64_t now = loop_.unix_seconds();
  MonoMs at = last_sign_of_life_ + kKeepAliveMs;
  std::string_view tenant;
  for (const Listener& listener : streams_) {
    if (listener.tenant == tenant) continue;
    tenant = listener.tenant;
    if (const auto step = listings_.of(tenant)->steps.next(now)) {
      // Wall time is known by the second: the first turn after it.
      at = std::min(at, loop_.now_ms() + static_cast<MonoMs>(*step - now) * 1000);
    }
  }
  timer_.set(loop_.timers(), std::max(at, loop_.now_ms() + 1));
}

void EventStreams::on_timer(void* self) {
  auto& streams = *static_cast<EventStreams*>(self);
  if (streams.loop_.now_ms() >= streams.last_sign_of_life_ + kKeepAliveMs) {
    streams.last_sign_of_life_ = streams.loop_.now_ms();
    for (Listener& listener : streams.streams_) listener.stream.send(": \n\n");
  }
  streams.look();
}

void EventStreams::close() {
  closed_ = true;
  timer_.cancel();
  streams_.clear();
}

}  // namespace flagmesh::ofrep
