// The handler that sends requests to containers. What a request needs is its Forward, in the stream.
#pragma once

#include "proxy/stream/handler.h"

namespace flagmesh::stream {

// One per worker; no state of its own.
class Forwarder final : public Handler {
 public:
  void on_head(Stream& stream, bool end) override;
  void on_data(Stream& stream, std::string_view data) override;
  void on_trailers(Stream&, http::HeaderList&) override {}
  void on_end(Stream& stream) override;
  void on_abort(Stream& stream) override;
  void on_drained(Stream& stream) override;
  void on_tunnel_data(Stream& stream, std::string_view data) override;
};

}  // namespace flagmesh::stream
