// A worker's containers on a loop, with an origin that the test plays by hand.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/upstream/container.h"
#include "tests/proxy/net/sockets.h"

namespace flagmesh::upstream {

// A listening socket whose connections the test answers itself.
class Origin {
 public:
  Origin()
      : listening_(*net::listen_on(*net::Address::parse("127.0.0.1:0"), {.reuse_port = false})) {
    address_ = *net::bound_address(listening_);
  }
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;
  ~Origin() {
    stop();
    for (const int fd : connections) close(fd);
  }
  void stop() {
    if (listening_ >= 0) close(listening_);
    listening_ = -1;
  }
  const net::Address& address() const { return address_; }
  // Accepts what is queued; how many there have been so far.
  size_t accepted() {
    for (int fd = 0; (fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;)
      connections.push_back(fd);
    return connections.size();
  }
  std::vector<int> connections;

 private:
  int listening_;
  net::Address address_;
};

// An attempt that remembers what it was told.
class Attempt final : public UpstreamRequest {
 public:
  explicit Attempt(BlockPool& blocks) : arena_(blocks) {}

  void on_connecting(UpstreamChannel& to) override { connection = &to; }
  void on_ready(UpstreamChannel& to) override {
    connection = &to;
    ready = true;
    send();
  }
  void on_interim(const http::ResponseHead&) override { ++interims; }
  void on_head(http::ResponseHead& head) override {
    status = head.status;
    if (cancel_at_head) connection->cancel();
  }
  void on_data(std::string_view data) override {
    body += data;
    if (pause_at_data) connection->pause_reading();
  }
  void on_trailers(http::HeaderList&) override {}
  void on_end() override {
    connection = nullptr;
    ended = true;
  }
  void on_failure(Failure why) override {
    connection = nullptr;
    failures.push_back(why);
  }
  void on_write_ready() override {}
  void on_tunnel_data(std::string_view data) override { body += data; }
  Arena& arena() override { return arena_; }

  // A GET that has been sent whole.
  void send() {
    http::RequestHead head;
    head.method = http::Method::kGet;
    head.method_text = "GET";
    head.target = "/";
    head.authority = "origin";
    connection->send_head(head, "");
    connection->send_end(http::Framing::kNone, nullptr);
  }

  UpstreamChannel* connection = nullptr;
  bool ready = false;
  bool ended = false;
  bool cancel_at_head = false;
  bool pause_at_data = false;
  int status = 0;
  int interims = 0;
  std::string body;
  std::vector<Failure> failures;

 private:
  Arena arena_;
};

class UpstreamTest : public testing::Test {
 protected:
  static std::shared_ptr<EndpointState> endpoint(const net::Address& at, uint32_t weight = 1) {
    return std::make_shared<EndpointState>(at, at.text(), weight);
  }
  // Makes the shared part, for two workers, and this worker's.
  Container& make(snapshot::ContainerSpec spec, EndpointList endpoints) {
    spec.name = "test";
    shared = std::make_shared<SharedContainer>(std::move(spec), 2);
    shared->set_endpoints(std::make_shared<const EndpointList>(std::move(endpoints)));
    container = new Container(context, shared);
    container->add_ref();
    return *container;
  }
  void TearDown() override {
    if (container == nullptr) return;
    container->retire();
    container->release_ref();
    loop->deleter().drain();
  }
  bool until(std::function<bool()> done) { return net::run_until(*loop, done); }
  // Attempts, and sends when there is a connection at once.
  std::unique_ptr<Attempt> attempt(const Endpoint* avoid = nullptr, bool fresh = false) {
    auto made = std::make_unique<Attempt>(blocks);
    const Container::Attempt got = container->acquire(*made, avoid, fresh);
    made->connection = got.connection;
    if (got.how == Container::Acquired::kFailed) made->failures.push_back(got.failure);
    if (got.how == Container::Acquired::kReady) {
      made->ready = true;
      made->send();
      io.flush();
    }
    return made;
  }
  // Waits for the request at the origin's connection `index` and answers it.
  void answer(Origin& origin, size_t index,
              std::string_view response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") {
    ASSERT_TRUE(until([&] { return origin.accepted() > index; }));
    std::string heard;
    ASSERT_TRUE(until(
        [&] { return (heard += net::hear(origin.connections[index])).ends_with("\r\n\r\n"); }));
    net::say(origin.connections[index], response);
  }
  // One request answered well, so that one connection is idle.
  void warm(Origin& origin) {
    const auto first = attempt();
    answer(origin, origin.accepted() == 0 ? 0 : origin.connections.size() - 1);
    ASSERT_TRUE(until([&] { return first->ended; }));
  }

  std::unique_ptr<event::Loop> loop = *event::Loop::create();
  net::IoContext io{*loop};
  BlockPool blocks;
  Rng rng;
  http::H1Limits limits;
  UpstreamContext context{.io = io, .rng = rng, .limits = limits, .worker = 0};
  std::shared_ptr<SharedContainer> shared;
  Container* container = nullptr;
};

}  // namespace flagmesh::upstream
