#include "filters/circuit_breaker.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::filters {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;
using upstream::BreakerState;

const std::string kFlag =
    "flags: { f: { state: ENABLED, variants: { \"on\": 1, \"off\": 0 }, defaultVariant: \"on\" } "
    "}\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

std::string routing(const std::string& breaker) {
  return "  routes: [{ path: /, flag: f, serve: { \"on\": a }, fallback: b, bucket_by: [ip] }]\n"
         "  containers: { a: { endpoints: [\"@a\"], circuit_breaker: { " +
         breaker + " } }, b: { endpoints: [\"@b\"] } }\n";
}

TEST(CircuitBreaker, LimitsAreNeverExceeded) {
  Mesh mesh(Mesh::plain("", "circuit_breaker: { max_requests: 3 }"));
  std::vector<Peer*> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(&mesh.client());
    clients.back()->say(kGet);
  }
  EXPECT_TRUE(mesh.until([&] { return mesh.local_replies("too_many_requests") == 5; }));
  EXPECT_TRUE(mesh.until([&] { return mesh.origin("web").peers.size() == 3; }));
  EXPECT_EQ(mesh.container("web").shard(0).active_requests.value(), 3U);
  EXPECT_EQ(mesh.container("web").shard(0).overflows.value(), 5U);
  for (const auto& peer : mesh.origin("web").peers) {
    mesh.next(*peer);
    peer->say(kOk);
  }
  size_t served = 0;
  for (Peer* client : clients) {
    const Message reply = mesh.next(*client);
    served += reply.status() == 200 ? 1 : 0;
    EXPECT_EQ(reply.field("x-flagmesh-reason"), reply.status() == 200 ? "" : "too_many_requests");
  }
  EXPECT_EQ(served, 3U);
  EXPECT_EQ(mesh.exchange(*clients[0], kGet, "web", kOk).status(), 200);
}

TEST(CircuitBreaker, ConnectionsAndPendingAreBounded) {
  Mesh mesh(Mesh::plain("", "circuit_breaker: { max_connections: 1, max_pending: 2 }"));
  std::vector<Peer*> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(&mesh.client());
    clients.back()->say(kGet);
    mesh.turns(3);
  }
  EXPECT_TRUE(mesh.until([&] { return mesh.local_replies("too_many_pending") == 2; }));
  // One of those that wait goes: the next one is served in its place, on the one connection.
  clients[1]->reset();
  EXPECT_TRUE(mesh.until([&] { return mesh.sessions().size() == 4; }));
  for (const size_t i : {size_t{0}, size_t{2}}) {
    mesh.request_at("web");
    mesh.origin("web").last().say(kOk);
    EXPECT_EQ(mesh.next(*clients[i]).status(), 200);
  }
  EXPECT_EQ(mesh.origin("web").peers.size(), 1U);
}

TEST(CircuitBreaker, AQueuedRequestTimesOut) {
  Mesh mesh(Mesh::plain("timeout: 100ms", "circuit_breaker: { max_connections: 1 }"));
  Peer& first = mesh.client();
  first.say(kGet);
  mesh.request_at("web");
  mesh.origin("web").last().say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  Peer& second = mesh.client();
  second.say(kGet);
  const Message reply = mesh.next(second);
  EXPECT_EQ(reply.status(), 504);
  mesh.origin("web").last().say("123456789");
  EXPECT_EQ(mesh.next(first).body.size(), 9U);
}

TEST(CircuitBreaker, AnOpenOnePassesOnToTheFallback) {
  Mesh mesh(routing("max_requests: 10"), kFlag);
  mesh.container("a").set_breaker(BreakerState::kOpen);
  Peer& client = mesh.client();
  const Message reply = mesh.exchange(client, kGet, "b", kOk);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "circuit_open");
  mesh.container("b").set_breaker(BreakerState::kOpen);
  client.say(kGet);
  const Message refused = mesh.next(client);
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.field("x-flagmesh-reason"), "circuit_open");
}

TEST(CircuitBreaker, OpensByErrorRateAndClosesByTrials) {
  Mesh mesh(routing("error_rate: 50%, min_requests: 4, window: 1s, open_for: 1s"), kFlag);
  upstream::SharedContainer& a = mesh.container("a");
  upstream::ContainerMonitor monitor;
  monitor.set_containers({std::shared_ptr<upstream::SharedContainer>(std::shared_ptr<void>(), &a)});
  Peer& client = mesh.client();
  monitor.tick(1000);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(
        mesh.exchange(client, kGet, "a", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").status(),
        500);
  }
  monitor.tick(1100);
  EXPECT_EQ(a.breaker(), BreakerState::kOpen);
  EXPECT_EQ(mesh.exchange(client, kGet, "b", kOk).status(), 200);
  monitor.tick(2100);
  EXPECT_EQ(a.breaker(), BreakerState::kHalfOpen);
  // One trial at a time: the second request goes to the fallback.
  client.say(kGet);
  mesh.request_at("a");
  Peer& other = mesh.client();
  EXPECT_EQ(mesh.exchange(other, kGet, "b", kOk).field("x-flagmesh-reason"), "circuit_open");
  // With the head the trial has its outcome, however long the body takes.
  mesh.origin("a").last().say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
  EXPECT_TRUE(mesh.until([&] { return !client.got.empty(); }));
  EXPECT_EQ(mesh.exchange(other, kGet, "a", kOk).status(), 200);
  EXPECT_EQ(mesh.exchange(other, kGet, "a", kOk).status(), 200);
  monitor.tick(2200);
  EXPECT_EQ(a.breaker(), BreakerState::kClosed);
  client.reset();
}

TEST(CircuitBreaker, ATrialThatFailsOrIsGivenUpFreesItsPlace) {
  Mesh mesh(routing("max_requests: 5"), kFlag);
  upstream::SharedContainer& a = mesh.container("a");
  a.set_breaker(BreakerState::kHalfOpen);
  Peer& gone = mesh.client();
  gone.say(kGet);
  mesh.request_at("a");
  EXPECT_TRUE(a.trial_running.load());
  gone.reset();
  EXPECT_TRUE(mesh.until([&] { return !a.trial_running.load(); }));
  Peer& client = mesh.client();
  client.say(kGet);
  mesh.request_at("a");
  mesh.origin("a").last().reset();
  EXPECT_EQ(mesh.next(client).status(), 502);
  EXPECT_FALSE(a.trial_running.load());
}

}  // namespace
}  // namespace flagmesh::filters
