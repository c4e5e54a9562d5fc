// One request of an HTTP/2 session. Seen by h2_session*.cc only.
#pragma once

#include "proxy/base/buffer.h"
#include "proxy/event/timer.h"
#include "proxy/http/h2_stream.h"
#include "proxy/stream/h2_session.h"

namespace flagmesh::stream {

// In the worker's H2Memory.
struct H2Session::Lane final : http::H2Stream, SessionStream {
  explicit Lane(H2Session& owner)
      : session(owner),
        timer(
            [](void* self) {
              Lane& lane = *static_cast<Lane*>(self);
              lane.session.on_lane_timer(lane);
            },
            this) {}

  H2Session& session;
  Stream* stream = nullptr;  // null when it has finished
  event::Timer timer;
  Lane* next = nullptr;
  Lane* previous = nullptr;
  Buffer early;              // of a WebSocket, before there is a tunnel
  size_t left = 0;           // waiting() when the timer was set
  bool begun = false;        // the stream was told of its request
  bool request_done = false;
  bool paused = false;       // the container is slow: the client's window stays as it is
  bool no_body = false;      // the response may not have one (HEAD)
};

}  // namespace flagmesh::stream
