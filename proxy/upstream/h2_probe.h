// One GET over HTTP/2, for health checks: bytes in, bytes out, a status.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/h2_connection.h"

namespace flagmesh::upstream {

// Lives as long as its connection; `blocks` and `limits` outlive it.
class H2Probe final : private http::H2Events {
 public:
  H2Probe(BlockPool& blocks, const http::H1Limits& limits, std::string_view authority, std::string_view path, bool tls, MonoMs now);

  // Takes all bytes.
  void receive(std::string_view bytes, MonoMs now);
  // What is to be sent.
  void pull(Output& out) { codec_.pull(out); }
  // Of the answer; 0 while there is none.
  uint16_t status() const { return status_; }
  // There will be none.
  bool failed() const { return failed_ || codec_.over(); }

 private:
  void on_head(http::H2Stream&, bool) override { status_ = response_.status; }
  void on_data(http::H2Stream&, std::string_view) override {}
  void on_trailers(http::H2Stream&) override {}
  void on_end(http::H2Stream&) override {}
  void on_drained(http::H2Stream&) override {}
  void on_closed(http::H2Stream&) override { failed_ = true; }

  Arena arena_;
  http::RequestHead request_;
  http::ResponseHead response_;
  http::HeaderList trailers_;
  http::H2Stream stream_;
  http::H2Memory memory_;
  http::H2Connection codec_;
  uint16_t status_ = 0;
  bool failed_ = false;
};

}  // namespace flagmesh::upstream
