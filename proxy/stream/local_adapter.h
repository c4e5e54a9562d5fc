// A LocalHandler as the stream layer's Handler: gathers the body, bounded.
#pragma once

#include "proxy/stream/handler.h"
#include "proxy/stream/local_handler.h"

namespace flagmesh::stream {

// One per worker or server; the handler outlives it.
class LocalAdapter final : public Handler {
 public:
  explicit LocalAdapter(LocalHandler& handler) : handler_(handler) {}

  void on_head(Stream& stream, bool end) override;
  void on_data(Stream& stream, std::string_view data) override;
  void on_trailers(Stream&, http::HeaderList&) override {}
  void on_end(Stream& stream) override;
  void on_abort(Stream&) override {}
  void on_drained(Stream&) override {}
  void on_tunnel_data(Stream&, std::string_view) override {}

 private:
  void handle(Stream& stream);

  LocalHandler& handler_;
};

}  // namespace flagmesh::stream
