// Containers that speak HTTP/2: requests share connections; goodbyes and refusals lose nothing.
#include "proxy/upstream/h2_upstream.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/h2_client.h"
#include "tests/fakes/h2_origin.h"

namespace flagmesh::stream {
namespace {

using fakes::H2Client;
using fakes::H2Origin;
using fakes::Mesh;
using fakes::Message;
using fakes::Peer;
namespace h2 = http::h2;

std::string http2(const std::string& route = "", const std::string& container = "") {
  return Mesh::plain(route, "protocol: http2" + (container.empty() ? "" : ", " + container));
}
std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

TEST(H2Upstream, ManyRequestsOnOneConnection) {
  Mesh mesh(http2());
  std::vector<Peer*> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(&mesh.client());
    clients.back()->say(get("/" + std::to_string(i)));
  }
  H2Origin origin(mesh, "web");
  for (size_t i = 0; i < 5; ++i) {
    auto& exchange = origin.request(i);
    EXPECT_EQ(exchange.own_request.scheme, "http");
    EXPECT_EQ(exchange.own_request.authority, "h");
    EXPECT_EQ(exchange.own_request.headers.value(http::HeaderId::kXForwardedProto), "http");
  }
  for (size_t i = 5; i-- > 0;) origin.answer(*origin.end.streams[i], 200, std::string(origin.end.streams[i]->own_request.path));
  for (size_t i = 0; i < 5; ++i) {
    const Message reply = mesh.next(*clients[i]);
    EXPECT_EQ(reply.status(), 200);
    EXPECT_EQ(reply.body, "/" + std::to_string(i));
  }
  EXPECT_EQ(mesh.origin("web").peers.size(), 1U);
}

TEST(H2Upstream, TheConnectionIsKeptForTheNextRequest) {
  Mesh mesh(http2());
  Peer& client = mesh.client();
  client.say(get("/1"));
  H2Origin origin(mesh, "web");
  origin.answer(origin.request(0), 200, "a");
  EXPECT_EQ(mesh.next(client).body, "a");
  client.say(get("/2"));
  origin.answer(origin.request(1), 200, "b");
  EXPECT_EQ(mesh.next(client).body, "b");
  EXPECT_EQ(mesh.origin("web").peers.size(), 1U);
}

TEST(H2Upstream, BodiesAndTrailersFromEndToEnd) {
  Mesh mesh(http2());
  H2Client client(mesh);
  auto& asked = client.ask("POST", "/", {{"te", "trailers"}, {"content-type", "application/grpc"}}, false);
  client.say(asked, "one", false);
  H2Origin origin(mesh, "web");
  auto& exchange = origin.request(0);
  EXPECT_TRUE(exchange.own_request.te_trailers);
  ASSERT_TRUE(origin.until([&] { return origin.end.log.find("data 1 one") != std::string::npos; }));
  origin.answer(exchange, 200, "eins", {{"content-type", "application/grpc"}}, false);
  ASSERT_TRUE(client.until([&] { return client.body(asked) == "eins"; }));
  client.say(asked, "two", true);
  ASSERT_TRUE(origin.until([&] { return exchange.remote_ended; }));
  origin.trailers(exchange, {{"grpc-status", "0"}});
  ASSERT_TRUE(client.closed(asked));
  EXPECT_NE(client.end.log.find("trailers 1 grpc-status=0\nend 1"), std::string::npos) << client.end.log;
}

TEST(H2Upstream, TrailersOnlyAnswers) {
  Mesh mesh(http2());
  H2Client client(mesh);
  auto& asked = client.ask("POST", "/", {{"content-type", "application/grpc"}}, true);
  H2Origin origin(mesh, "web");
  auto& exchange = origin.request(0);
  http::ResponseHead head;
  head.status = 200;
  head.headers.add(exchange.own_arena, http::HeaderId::kOther, "grpc-status", "5");
  origin.end.connection.send_response(exchange, head, false, true);
  origin.turn();
  ASSERT_TRUE(client.closed(asked));
  EXPECT_EQ(client.field(asked, "grpc-status"), "5");
  EXPECT_TRUE(asked.own_response.ended);
}

// An origin that allows one request at a time, by hand: what it was asked so far.
struct OneAtATime {
  OneAtATime(Mesh& in, size_t number) : mesh(in), peer(in.accepted("web", number)) { peer.say(h2::settings({{3, 1}})); }
  bool asked(uint32_t id) {
    for (const h2::Frame& one : h2::take_frames(take_preface())) {
      if (one.type == h2::kHeaders) ids.push_back(one.id);
    }
    return std::ranges::count(ids, id) != 0;
  }
  std::string& take_preface() {
    if (peer.got.starts_with(http::kH2Preface)) peer.got.erase(0, http::kH2Preface.size());
    return peer.got;
  }
  void answer(uint32_t id, const std::string& body) {
    peer.say(h2::headers(id, {{":status", "200"}}, false) + h2::data(id, body, true));
  }
  Mesh& mesh;
  Peer& peer;
  std::vector<uint32_t> ids;
};

TEST(H2Upstream, WithinThePeersLimitOfStreams) {
  Mesh mesh(http2());
  Peer& first = mesh.client();
  first.say(get("/0"));
  OneAtATime origin(mesh, 0);
  ASSERT_TRUE(mesh.until([&] { return origin.asked(1); }));
  mesh.turns(10);
  Peer& second = mesh.client();
  second.say(get("/1"));
  OneAtATime other(mesh, 1);
  ASSERT_TRUE(mesh.until([&] { return other.asked(1); }));
  EXPECT_EQ(mesh.origin("web").peers.size(), 2U);
}

TEST(H2Upstream, WaitsForAPlaceUnderMaxConnections) {
  Mesh mesh(http2("", "circuit_breaker: { max_connections: 1 }"));
  Peer& first = mesh.client();
  first.say(get("/0"));
  OneAtATime origin(mesh, 0);
  ASSERT_TRUE(mesh.until([&] { return origin.asked(1); }));
  mesh.turns(10);
  Peer& second = mesh.client();
  second.say(get("/1"));
  mesh.turns(30);
  EXPECT_FALSE(origin.asked(3));
  origin.answer(1, "a");
  EXPECT_EQ(mesh.next(first).body, "a");
  ASSERT_TRUE(mesh.until([&] { return origin.asked(3); }));
  origin.answer(3, "b");
  EXPECT_EQ(mesh.next(second).body, "b");
  EXPECT_EQ(mesh.origin("web").peers.size(), 1U);
}

TEST(H2Upstream, ARefusedStreamIsSentAgainWhateverTheMethod) {
  Mesh mesh(http2());
  Peer& client = mesh.client();
  client.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
  H2Origin origin(mesh, "web");
  origin.end.connection.reset(origin.request(0), http::H2Code::kRefusedStream);
  auto& again = origin.request(1);
  ASSERT_TRUE(origin.until([&] { return again.remote_ended; }));
  EXPECT_NE(origin.end.log.find("data 3 body"), std::string::npos) << origin.end.log;
  origin.answer(again, 200, "ok");
  EXPECT_EQ(mesh.next(client).body, "ok");
}

TEST(H2Upstream, RefusedForEverIsAnError) {
  Mesh mesh(http2());
  Peer& client = mesh.client();
  client.say(get("/"));
  H2Origin origin(mesh, "web");
  origin.end.refuse = true;
  ASSERT_TRUE(origin.until([&] { return !client.got.empty(); }));
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "upstream_refused");
}

TEST(H2Upstream, RequestsAboveTheLastStreamOfAGoawayGoElsewhere) {
  Mesh mesh(http2());
  Peer& client = mesh.client();
  client.say(get("/0"));
  H2Origin origin(mesh, "web");
  auto& kept = origin.request(0);
  Peer& late = mesh.client();
  late.say("POST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  origin.request(1);
  origin.peer().say(h2::frame(h2::kGoaway, 0, 0, h2::u32(1) + h2::u32(0)));
  H2Origin other(mesh, "web", 1);
  other.answer(other.request(0), 200, "elsewhere");
  EXPECT_EQ(mesh.next(late).body, "elsewhere");
  origin.answer(kept, 200, "kept");
  EXPECT_EQ(mesh.next(client).body, "kept");
  EXPECT_TRUE(origin.until([&] { return origin.peer().over(); }));
}

TEST(H2Upstream, WhatBreaksIsToldApart) {
  Mesh mesh(http2());
  H2Client client(mesh);
  auto& before = client.ask("GET", "/before");
  auto& after = client.ask("GET", "/after");
  H2Origin origin(mesh, "web");
  origin.request(1);
  origin.answer(origin.request(1), 200, "part", {}, false);
  ASSERT_TRUE(client.until([&] { return client.body(after) == "part"; })) << client.end.log << origin.end.log;
  origin.end.connection.reset(origin.request(0), http::H2Code::kInternalError);
  origin.end.connection.reset(origin.request(1), http::H2Code::kInternalError);
  origin.turn();
  ASSERT_TRUE(client.closed(before));
  EXPECT_EQ(before.own_response.status, 502);
  EXPECT_EQ(client.field(before, "x-flagmesh-reason"), "upstream_reset");
  ASSERT_TRUE(client.closed(after));
  EXPECT_EQ(after.code, http::H2Code::kInternalError);
  EXPECT_FALSE(after.remote_ended);
}

TEST(H2Upstream, AConnectionThatIsLostFailsItsRequests) {
  Mesh mesh(http2());
  Peer& first = mesh.client();
  first.say(get("/1"));
  Peer& second = mesh.client();
  second.say(get("/2"));
  H2Origin origin(mesh, "web");
  origin.request(1);
  origin.peer().reset();
  EXPECT_EQ(mesh.next(first).status(), 502);
  EXPECT_EQ(mesh.next(second).status(), 502);
}

TEST(H2Upstream, NobodyListens) {
  Mesh mesh(http2());
  mesh.origin("web").stop();
  Peer& client = mesh.client();
  client.say(get("/"));
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "connect_failure");
}

TEST(H2Upstream, AnHttp1OriginIsAnError) {
  Mesh mesh(http2());
  Peer& client = mesh.client();
  client.say(get("/"));
  mesh.accepted("web").say("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(mesh.next(client).status(), 502);
}

TEST(H2Upstream, MalformedAnswersAreErrors) {
  for (const h2::Fields& bad : std::vector<h2::Fields>{
           {{"x", "no status"}}, {{":status", "20"}}, {{":status", "101"}}, {{":status", "200"}, {"connection", "close"}},
           {{":status", "200"}, {"X", "upper"}}, {{":status", "200"}, {"content-length", "5"}}}) {
    Mesh mesh(http2());
    Peer& client = mesh.client();
    client.say(get("/"));
    H2Origin origin(mesh, "web");
    origin.request(0);
    origin.peer().say(h2::headers(1, bad));
    EXPECT_EQ(mesh.next(client).status(), 502);
  }
}

TEST(H2Upstream, ACancelledRequestResetsItsStreamOnly) {
  Mesh mesh(http2());
  Peer& gone = mesh.client();
  gone.say(get("/gone"));
  H2Origin origin(mesh, "web");
  auto& exchange = origin.request(0);
  Peer& stays = mesh.client();
  stays.say(get("/stays"));
  auto& other = origin.request(1);
  gone.reset();
  ASSERT_TRUE(origin.until([&] { return exchange.closed; }));
  EXPECT_EQ(exchange.code, http::H2Code::kCancel);
  origin.answer(other, 200, "ok");
  EXPECT_EQ(mesh.next(stays).body, "ok");
}

TEST(H2Upstream, ASlowClientClosesTheWindowOfItsStreamOnly) {
  Mesh mesh(http2());
  mesh.send_buffer = 8192;
  Peer& slow = mesh.client(4096);
  slow.stop_reading();
  slow.say(get("/slow"));
  H2Origin origin(mesh, "web");
  auto& exchange = origin.request(0);
  const std::string body(3'000'000, 'x');
  origin.answer(exchange, 200, body);
  for (int i = 0; i < 100; ++i) origin.turn();
  EXPECT_GT(exchange.waiting(), 1'000'000U);
  Peer& quick = mesh.client();
  quick.say(get("/quick"));
  origin.answer(origin.request(1), 200, "ok");
  EXPECT_EQ(mesh.next(quick).body, "ok");
  slow.go_on_reading();
  ASSERT_TRUE(origin.until([&] { return exchange.waiting() == 0; }));
  EXPECT_EQ(mesh.next(slow).body.size(), body.size());
}

TEST(H2Upstream, WebSocketFromHttp1) {
  Mesh mesh(http2());
  Peer& client = mesh.client();
  client.say(
      "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  H2Origin origin(mesh, "web");
  auto& exchange = origin.request(0);
  EXPECT_TRUE(exchange.own_request.upgrade_websocket);
  EXPECT_EQ(exchange.own_request.headers.find("sec-websocket-key"), nullptr);
  origin.answer(exchange, 101, "hi", {}, false);
  ASSERT_TRUE(origin.until([&] { return client.got.ends_with("hi"); })) << client.got;
  EXPECT_NE(client.got.find("101 Switching Protocols"), std::string::npos);
  EXPECT_NE(client.got.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
  client.say("ho");
  EXPECT_TRUE(origin.until([&] { return origin.end.log.find("data 1 ho") != std::string::npos; }));
  client.end_writing();
  EXPECT_TRUE(origin.until([&] { return exchange.remote_ended; }));
}

TEST(H2Upstream, WebSocketFromHttp2) {
  Mesh mesh(http2());
  H2Client client(mesh);
  auto& asked = client.ask("GET", "/chat", {{":websocket", ""}}, false);
  H2Origin origin(mesh, "web");
  auto& exchange = origin.request(0);
  EXPECT_TRUE(exchange.own_request.upgrade_websocket);
  origin.answer(exchange, 101, "hi", {}, false);
  ASSERT_TRUE(client.until([&] { return client.body(asked) == "hi"; }));
  client.say(asked, "ho", true);
  EXPECT_TRUE(origin.until([&] { return exchange.remote_ended; }));
  EXPECT_NE(origin.end.log.find("data 1 ho"), std::string::npos);
}

}  // namespace
}  // namespace flagmesh::stream
