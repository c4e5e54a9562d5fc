// What ends a route: answers a request, from elsewhere (forwarder) or itself (local handlers).
#pragma once

#include <string_view>

#include "proxy/http/headers.h"

namespace flagmesh::stream {

class Stream;

// One object per worker, shared by all streams; on the worker's thread. Calls come in this order:
// on_head (on_data)* [on_trailers] on_end, with on_abort possible at any point after on_head, and last. A handler answers through
// Stream::respond*() at any time from on_head on; once it ended the response it is not called again.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void on_head(Stream& stream, bool end) = 0;  // `end`: no body follows and on_end() is not called
  virtual void on_data(Stream& stream, std::string_view data) = 0;
  virtual void on_trailers(Stream& stream, http::HeaderList& trailers) = 0;
  virtual void on_end(Stream& stream) = 0;
  // The client has gone, or the stream was ended by a limit: let go of what it holds. Do not answer.
  virtual void on_abort(Stream& stream) = 0;
  // The client takes bytes again after a wait (Stream::downstream_full()).
  virtual void on_drained(Stream& stream) = 0;
  // Bytes of an upgraded connection.
  virtual void on_tunnel_data(Stream& stream, std::string_view data) = 0;
};

}  // namespace flagmesh::stream
