// A client's connection under the limits of its process and its listener (proxy.limits).
#pragma once

namespace flagmesh::upstream {
class LimitPool;
}

namespace flagmesh::stream {

struct ListenerSettings;
struct WorkerContext;

// Given back when it goes; moves with the Peer from a handshake to its session. On the worker's
// thread.
class ConnectionPlace {
 public:
  ConnectionPlace() = default;
  ConnectionPlace(ConnectionPlace&& other) noexcept { *this = static_cast<ConnectionPlace&&>(other); }
  ConnectionPlace& operator=(ConnectionPlace&& other) noexcept;
  ~ConnectionPlace();

  // Once, when the connection was accepted. False: it is over a limit, and too many are told so
  // already: close it. Else it may go on, but see refused(). `listener` outlives this.
  bool take(WorkerContext& worker, const ListenerSettings& listener);
  // Over a limit: its first request is answered 503 and nothing else; it may not take long to ask.
  bool refused() const { return refused_; }

 private:
  WorkerContext* worker_ = nullptr;            // null: not counted
  upstream::LimitPool* listeners_ = nullptr;  // null: the listener has no limit
  bool processes_ = false;
  bool refused_ = false;
};

}  // namespace flagmesh::stream
