// OFREP's event stream: Server-Sent Events that tell clients to evaluate again (ADR 0008).
//
//   retry: 2000
//
//   id: 5f0c….1767225600
//   event: message
//   data: {"etag":"\"5f0c….1767225600\"","lastModified":1767225601,"type":"refetchEvaluation"}
//
// The id says which state it is: the version of the tenant's flags and the last step of time. A
// client that comes with another one (Last-Event-ID, or the `since` that its bulk response named)
// is told at once.
#pragma once

#include <list>
#include <string>
#include <string_view>

#include "control/ofrep/bulk.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"
#include "proxy/stream/local_handler.h"

namespace flagmesh::ofrep {

// The streams of one thread. Loop and listings outlive it.
class EventStreams {
 public:
  static constexpr MonoMs kKeepAliveMs = 15'000;    // a comment, so that nobody in between gives up
  static constexpr size_t kMaxWaiting = 64 * 1024;  // a client that takes less is let go

  EventStreams(event::Loop& loop, Listings& listings)
      : loop_(loop), listings_(listings), timer_(&EventStreams::on_timer, this) {}

  // What an event's id would be now.
  std::string id_of(std::string_view tenant);

  // `seen`: the id that the client knows; empty when it says none.
  void add(stream::LocalStream stream, std::string_view tenant, std::string_view seen);
  size_t size() const { return streams_.size(); }

  // Flags may have changed: tells every client whose id is another now.
  void look();
  // Ends all of them; those that come later are ended at once.
  void close();

 private:
  struct Listener {
    stream::LocalStream stream;
    std::string tenant;
    std::string seen;
  };

  static void on_timer(void* self);
  void announce(Listener& listener, const std::string& id);
  void wait();

  event::Loop& loop_;
  Listings& listings_;
  std::list<Listener> streams_;
  MonoMs last_sign_of_life_ = 0;
  event::Timer timer_;
  bool closed_ = false;
};

}  // namespace flagmesh::ofrep
