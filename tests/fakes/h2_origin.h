// An HTTP/2 origin on one accepted connection: the codec's server end, and the events it wrote down.
#pragma once

#include <string>

#include "tests/fakes/mesh.h"
#include "tests/proxy/http/h2_frames.h"

namespace flagmesh::fakes {

class H2Origin {
 public:
  H2Origin(Mesh& mesh, const std::string& name, size_t number = 0)
      : mesh_(mesh), peer_(mesh.accepted(name, number)), end(http::H2Role::kServer) {}

  using Exchange = http::h2::End::Exchange;

  void turn() {
    mesh_.turn();
    if (!peer_.got.empty()) end.feed(std::exchange(peer_.got, {}));
    end.pull();
    if (!end.sent.empty()) peer_.say(std::exchange(end.sent, {}));
  }
  template <class Done>
  bool until(Done&& done) {
    return mesh_.until([&] {
      turn();
      return done();
    });
  }
  // The i-th request, once its head is there.
  Exchange& request(size_t i) {
    EXPECT_TRUE(until([&] { return end.streams.size() > i && end.streams[i]->head_done; })) << end.log;
    return *end.streams.at(i);
  }
  void answer(Exchange& exchange, uint16_t status, const std::string& body, const http::h2::Fields& fields = {},
              bool ends = true) {
    http::ResponseHead head;
    head.status = status;
    if (status != 101) head.body = {http::Framing::kChunked, 0};
    for (const auto& [name, value] : fields) {
      const std::string_view kept = exchange.own_arena.copy(name);
      head.headers.add(exchange.own_arena, http::header_id(kept), kept, exchange.own_arena.copy(value));
    }
    end.connection.send_response(exchange, head, false, false);
    end.connection.send_data(exchange, body);
    if (ends) end.connection.send_end(exchange, nullptr);
    turn();
  }
  void trailers(Exchange& exchange, const http::h2::Fields& fields) {
    http::HeaderList list;
    for (const auto& [name, value] : fields) {
      const std::string_view kept = exchange.own_arena.copy(name);
      list.add(exchange.own_arena, http::header_id(kept), kept, exchange.own_arena.copy(value));
    }
    end.connection.send_end(exchange, &list);
    turn();
  }
  Peer& peer() { return peer_; }

 private:
  Mesh& mesh_;
  Peer& peer_;

 public:
  http::h2::End end;
};

}  // namespace flagmesh::fakes
