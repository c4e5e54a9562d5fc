// An HTTP/2 client over a played connection: the codec's client end, and the events it wrote down.
#pragma once

#include <string>

#include "tests/fakes/mesh.h"
#include "tests/proxy/http/h2_frames.h"

namespace flagmesh::fakes {

class H2Client {
 public:
  explicit H2Client(Mesh& mesh) : mesh_(mesh), peer_(mesh.client()), end(http::H2Role::kClient) { turn(); }

  using Exchange = http::h2::End::Exchange;

  // Sends a request; its answer's events go to end.log. `body`: not ended when it is null.
  Exchange& ask(std::string_view method, std::string_view target, const http::h2::Fields& fields = {},
                bool ends = true) {
    Exchange& exchange = end.make();
    http::RequestHead& head = exchange.own_request;
    head.method_text = exchange.own_arena.copy(method);
    head.method = http::method_of(method);
    head.authority = "h";
    head.target = exchange.own_arena.copy(target);
    for (const auto& [name, value] : fields) {
      const std::string_view kept = exchange.own_arena.copy(name);
      head.headers.add(exchange.own_arena, http::header_id(kept), kept, exchange.own_arena.copy(value));
      if (kept == "te") head.te_trailers = true;
      if (kept == ":websocket") head.upgrade_websocket = true;
    }
    head.headers.remove(":websocket");
    EXPECT_TRUE(end.connection.send_request(exchange, head, false, ends));
    turn();
    return exchange;
  }
  void say(Exchange& exchange, std::string data, bool ends) {
    const std::string kept = std::move(data);
    end.connection.send_data(exchange, kept);
    if (ends) end.connection.send_end(exchange, nullptr);
    end.pull();  // borrowed until now
    turn();
  }
  // Moves bytes both ways once.
  void turn() {
    end.pull();
    if (!end.sent.empty()) {
      peer_.say(end.sent);
      end.sent.clear();
    }
    mesh_.turn();
    if (!peer_.got.empty()) {
      const std::string got = std::exchange(peer_.got, {});
      end.feed(got);
      end.pull();
      peer_.say(std::exchange(end.sent, {}));
    }
  }
  template <class Done>
  bool until(Done&& done) {
    return mesh_.until([&] {
      turn();
      return done();
    });
  }
  bool closed(Exchange& exchange) {
    return until([&] { return exchange.closed; });
  }
  static std::string field(const Exchange& exchange, std::string_view name) {
    const http::Field* found = exchange.own_response.headers.find(name);
    return found == nullptr ? "" : std::string(found->value);
  }
  // The bytes of an exchange's body so far, from the log. Only for pieces of up to 64 bytes.
  std::string body(const Exchange& exchange) const {
    const std::string line = "data " + std::to_string(exchange.id) + " ";
    std::string all;
    for (size_t at = end.log.find(line); at != std::string::npos; at = end.log.find(line, at + 1)) {
      const size_t from = at + line.size();
      all += end.log.substr(from, end.log.find('\n', from) - from);
    }
    return all;
  }
  Peer& peer() { return peer_; }

 private:
  Mesh& mesh_;
  Peer& peer_;

 public:
  http::h2::End end;
};

}  // namespace flagmesh::fakes
