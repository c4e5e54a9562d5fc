// A LocalServer on a loop of its own with a handler that the test fills in, and one client.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/stream/local_server.h"
#include "tests/fakes/peer.h"

namespace flagmesh::fakes {

using stream::LocalHandler;
using stream::LocalReply;
using stream::LocalRequest;
using stream::LocalServer;

struct Handler final : LocalHandler {
  std::function<void(const LocalRequest&, LocalReply)> on_request;
  void handle(const LocalRequest& request, LocalReply reply) override {
    on_request(request, std::move(reply));
  }
  size_t max_body() const override { return 1000; }
};

struct LocalServerTest : testing::Test {
  std::unique_ptr<event::Loop> loop = event::Loop::create().value();
  net::IoContext io{*loop};
  Handler handler;
  std::unique_ptr<LocalServer> server =
      LocalServer::start(io, *net::Address::parse("127.0.0.1:0"), handler, {.name = "test"})
          .value();
  std::unique_ptr<Peer> client = fakes::connect_to(server->address());

  template <class Done>
  bool until(Done&& done) {
    const MonoMs deadline = mono_ms() + 10'000;
    while (!done()) {
      if (mono_ms() > deadline) return false;
      loop->run_once(2);
      client->poll();
    }
    return true;
  }
  // As handlers do: on a later turn of the loop.
  void send(LocalReply& reply, const std::string& body) {
    loop->post([&reply, body] { reply.send({.body = body}); });
  }
  Message next(bool head_only = false) {
    std::optional<Message> message;
    EXPECT_TRUE(until([&] { return (message = client->take(head_only)).has_value(); }))
        << client->got;
    return message.value_or(Message());
  }
};

}  // namespace flagmesh::fakes
