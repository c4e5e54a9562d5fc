// A client's HTTP/2 connection through a worker to HTTP/1 origins.
#include "proxy/stream/h2_session.h"

#include <gtest/gtest.h>

#include "proxy/limits.h"
#include "tests/fakes/h2_client.h"

namespace flagmesh::stream {
namespace {

using fakes::H2Client;
using fakes::Mesh;
using fakes::Message;
using fakes::Peer;
namespace h2 = http::h2;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Mixed: Case\r\n\r\nok";

TEST(H2Session, RequestAndAnswer) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  auto& exchange = client.ask("GET", "/a//b?q", {{"cookie", "a=1"}, {"cookie", "b=2"}});
  const Message request = mesh.request_at("web");
  EXPECT_EQ(request.start, "GET /a/b?q HTTP/1.1");
  EXPECT_EQ(request.field("host"), "h");
  EXPECT_EQ(request.field("cookie"), "a=1; b=2");
  EXPECT_EQ(request.field("via"), "2 flagmesh");
  EXPECT_EQ(request.count("transfer-encoding"), 0U);
  mesh.origin("web").last().say(kOk);
  ASSERT_TRUE(client.closed(exchange));
  EXPECT_EQ(exchange.own_response.status, 200);
  EXPECT_EQ(client.field(exchange, "x-mixed"), "Case");
  EXPECT_EQ(client.field(exchange, "content-length"), "2");
  EXPECT_EQ(client.body(exchange), "ok");
  EXPECT_TRUE(exchange.remote_ended);
  EXPECT_EQ(mesh.stats().responses[2].value(), 1U);
}

TEST(H2Session, PrefaceInPieces) {
  Mesh mesh(Mesh::plain());
  Peer& peer = mesh.client();
  for (const char c : h2::hello() + h2::headers(1, h2::get())) {
    peer.say(std::string(1, c));
    mesh.turns(2);
  }
  EXPECT_EQ(mesh.request_at("web").start, "GET / HTTP/1.1");
}

TEST(H2Session, AlmostThePrefaceIsHttp1) {
  Mesh mesh(Mesh::plain());
  Peer& peer = mesh.client();
  peer.say("PRI * HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(mesh.next(peer).status(), 400);  // "*" is for OPTIONS
  Peer& post = mesh.client();
  post.say("P");
  mesh.turns(3);
  post.say("OST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(mesh.request_at("web").start, "POST / HTTP/1.1");
}

TEST(H2Session, ManyAtATimeAndInAnyOrder) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  std::vector<H2Client::Exchange*> asked;
  for (int i = 0; i < 10; ++i) asked.push_back(&client.ask("GET", "/" + std::to_string(i)));
  ASSERT_TRUE(client.until([&] { return mesh.origin("web").peers.size() == 10; }));
  for (size_t i = 10; i-- > 0;) {
    Peer& peer = *mesh.origin("web").peers[i];
    const Message request = mesh.next(peer);
    const std::string body = request.start.substr(5, 1);
    peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n" + body + "\r\n0\r\n\r\n");
  }
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(client.closed(*asked[static_cast<size_t>(i)]));
    EXPECT_EQ(client.body(*asked[static_cast<size_t>(i)]), std::to_string(i));
  }
}

TEST(H2Session, BodiesAndTrailersBothWays) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  auto& exchange = client.ask("POST", "/", {{"te", "trailers"}}, false);
  client.end.connection.send_data(exchange, "hello");
  http::HeaderList trailers;
  trailers.add(exchange.own_arena, http::HeaderId::kOther, "x-sum", "5");
  client.end.connection.send_end(exchange, &trailers);
  client.turn();
  const Message request = mesh.request_at("web");
  EXPECT_EQ(request.field("transfer-encoding"), "chunked");
  EXPECT_EQ(request.body, "hello");
  ASSERT_EQ(request.trailers.size(), 1U);
  EXPECT_EQ(request.trailers.begin()->second, "5");
  mesh.origin("web").last().say(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-T: 1\r\n\r\n");
  ASSERT_TRUE(client.closed(exchange));
  EXPECT_NE(client.end.log.find("data 1 ab\ntrailers 1 x-t=1\nend 1"), std::string::npos) << client.end.log;
}

TEST(H2Session, HeadAndNotModifiedAndInterim) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  auto& head = client.ask("HEAD", "/");
  mesh.request_at("web");
  mesh.origin("web").last().say("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
  ASSERT_TRUE(client.closed(head));
  EXPECT_NE(client.end.log.find("interim 1 103"), std::string::npos);
  EXPECT_EQ(client.field(head, "content-length"), "99");
  auto& cached = client.ask("GET", "/");
  mesh.request_at("web");
  mesh.origin("web").last().say("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
  ASSERT_TRUE(client.closed(cached));
  EXPECT_EQ(cached.own_response.status, 304);
  EXPECT_EQ(mesh.origin("web").peers.size(), 1U);
}

TEST(H2Session, RefusedRequestsAreAnsweredAndMalformedOnesReset) {
  Mesh mesh(Mesh::plain());
  mesh.log_to_file();
  Peer& peer = mesh.client();
  auto bad_path = h2::get();
  bad_path[3].second = "/a b";
  peer.say(h2::hello() + h2::headers(1, bad_path) + h2::headers(3, h2::get({{"connection", "close"}})));
  std::vector<h2::Frame> frames;
  ASSERT_TRUE(mesh.until([&] {
    for (h2::Frame& one : h2::take_frames(peer.got)) frames.push_back(std::move(one));
    return !frames.empty() && frames.back().type == h2::kData;
  }));
  bool reset = false;
  for (const h2::Frame& one : frames) {
    if (one.type == h2::kRst && one.id == 3) reset = one.number() == 1;
  }
  EXPECT_TRUE(reset);
  EXPECT_EQ(mesh.local_replies("bad_target"), 1U);
  EXPECT_EQ(mesh.local_replies("connection_field"), 1U);
  const std::string log = mesh.log();
  EXPECT_NE(log.find("bad_target"), std::string::npos);
  EXPECT_NE(log.find("connection_field"), std::string::npos);
}

TEST(H2Session, AnAnswerBeforeTheUploadEnds) {
  Mesh mesh(Mesh::plain("max_body: 10B"));
  H2Client client(mesh);
  auto& exchange = client.ask("POST", "/", {}, false);
  client.say(exchange, std::string(64, 'x'), false);
  ASSERT_TRUE(client.closed(exchange));
  EXPECT_EQ(exchange.own_response.status, 413);
  auto& next = client.ask("GET", "/");
  EXPECT_EQ(mesh.request_at("web").start, "GET / HTTP/1.1");
  mesh.origin("web").last().say(kOk);
  EXPECT_TRUE(client.closed(next));
}

TEST(H2Session, AResponseThatBreaksIsResetNotEnded) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  auto& exchange = client.ask("GET", "/");
  mesh.request_at("web");
  mesh.origin("web").last().say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(client.until([&] { return !client.body(exchange).empty(); }));
  mesh.origin("web").last().close();
  ASSERT_TRUE(client.closed(exchange));
  EXPECT_EQ(exchange.code, http::H2Code::kInternalError);
  EXPECT_FALSE(exchange.remote_ended);
}

TEST(H2Session, AClientThatResetsEndsTheAttempt) {
  Mesh mesh(Mesh::plain());
  mesh.log_to_file();
  H2Client client(mesh);
  auto& exchange = client.ask("GET", "/");
  mesh.request_at("web");
  client.end.connection.reset(exchange, http::H2Code::kCancel);
  client.turn();
  EXPECT_TRUE(mesh.until([&] { return mesh.origin("web").last().over(); }));
  EXPECT_NE(mesh.log().find("client_reset"), std::string::npos);
}

TEST(H2Session, AClientThatGoesEndsAllAttempts) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  client.ask("GET", "/1");
  client.ask("GET", "/2");
  ASSERT_TRUE(client.until([&] { return mesh.origin("web").peers.size() == 2; }));
  client.peer().close();
  EXPECT_TRUE(mesh.until([&] {
    return mesh.origin("web").peers[0]->over() && mesh.origin("web").peers[1]->over();
  }));
  EXPECT_EQ(mesh.sessions().size(), 0U);
}

// Windows open only as bytes are forwarded: a container that does not read holds up its client.
TEST(H2Session, ASlowContainerClosesTheWindow) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  auto& exchange = client.ask("POST", "/", {{"content-length", "8000000"}}, false);
  Peer& origin = mesh.accepted("web");
  origin.stop_reading();
  const std::string body(8'000'000, 'x');
  client.end.connection.send_data(exchange, body);
  client.end.connection.send_end(exchange, nullptr);
  for (int i = 0; i < 300; ++i) client.turn();
  const size_t left = client.end.connection.waiting();
  EXPECT_GT(left, 100'000U);
  origin.go_on_reading();
  ASSERT_TRUE(client.until([&] { return client.end.connection.waiting() == 0; }));
  EXPECT_EQ(mesh.request_at("web").body.size(), body.size());
}

// A client that opens no window: what waits for it is bounded, and the container is held up.
TEST(H2Session, AZeroWindowReaderHoldsUpTheContainer) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  client.end.consume = false;
  auto& exchange = client.ask("GET", "/");
  mesh.request_at("web");
  Peer& origin = mesh.origin("web").last();
  const std::string body(8'000'000, 'x');
  origin.say("HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + body);
  for (int i = 0; i < 300; ++i) client.turn();
  EXPECT_EQ(exchange.received, limits::kH2StreamWindow);
  EXPECT_GT(origin.unsent(), 1'000'000U);
  client.end.consume = true;
  client.end.connection.consumed(exchange, exchange.received);
  ASSERT_TRUE(client.closed(exchange));
  EXPECT_EQ(exchange.received, body.size());
}

TEST(H2Session, ManyZeroWindowReadersOnOneConnection) {
  Mesh mesh(Mesh::plain());
  Peer& peer = mesh.client();
  std::string all = h2::hello() + h2::settings({{4, 0}});
  for (uint32_t i = 0; i < 60; ++i) all += h2::headers(2 * i + 1, h2::get());
  peer.say(all);
  ASSERT_TRUE(mesh.until([&] { return mesh.origin("web").peers.size() == 60; }));
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + std::string(2'000'000, 'x');
  for (const auto& origin : mesh.origin("web").peers) mesh.next(*origin);
  Counter held;
  buffered_bytes = &held;
  for (const auto& origin : mesh.origin("web").peers) origin->say(answer);
  mesh.turns(500);
  buffered_bytes = nullptr;
  // 120 MB were offered.
  EXPECT_GT(held.value(), limits::kH2QueuedBytes);
  EXPECT_LT(held.value(), 20'000'000U);
  peer.close();
  EXPECT_TRUE(mesh.until([&] { return mesh.sessions().size() == 0; }));
}

TEST(H2Session, FloodersAreClosed) {
  Mesh mesh(Mesh::plain());
  Peer& peer = mesh.client();
  std::string pings = h2::hello();
  for (int i = 0; i < 5'000; ++i) pings += h2::frame(h2::kPing, 0, 0, "12345678");
  peer.say(pings);
  int code = -1;
  ASSERT_TRUE(mesh.until([&] {
    for (const h2::Frame& one : h2::take_frames(peer.got)) {
      if (one.type == h2::kGoaway) code = static_cast<int>(one.number(4));
    }
    return peer.over();
  }));
  EXPECT_EQ(code, 11);
}

TEST(H2Session, RapidResetEndsEveryAttempt) {
  Mesh mesh(Mesh::plain());
  Peer& peer = mesh.client();
  std::string all = h2::hello();
  for (uint32_t i = 0; i < 2'000; ++i) {
    all += h2::headers(2 * i + 1, h2::get()) + h2::frame(h2::kRst, 0, 2 * i + 1, h2::u32(8));
  }
  peer.say(all);
  EXPECT_TRUE(mesh.until([&] { return peer.over(); }));
  EXPECT_TRUE(mesh.until([&] { return mesh.sessions().size() == 0; }));
  EXPECT_LE(mesh.stats().requests.value(), limits::kH2Resets + 2);
}

TEST(H2Session, Timeouts) {
  Mesh mesh(Mesh::plain());
  mesh.worker().timeouts = {.request_header = 50, .request_body = 60, .stream_idle = 70, .connection_idle = 80};
  Peer& silent = mesh.client();  // a preface that never ends
  silent.say("PRI * HTTP/2.0\r\n\r\nSM");
  EXPECT_TRUE(mesh.until([&] { return silent.over(); }));
  Peer& drips = mesh.client();  // a header block that never ends
  drips.say(h2::hello() + h2::frame(h2::kHeaders, 0, 1, h2::block(h2::get())));
  EXPECT_TRUE(mesh.until([&] { return drips.over(); }));
  H2Client client(mesh);
  auto& body = client.ask("POST", "/", {}, false);
  ASSERT_TRUE(client.closed(body));
  EXPECT_EQ(body.own_response.status, 408);
  auto& slow = client.ask("GET", "/");
  ASSERT_TRUE(client.closed(slow));
  EXPECT_EQ(slow.own_response.status, 504);
  EXPECT_TRUE(client.until([&] { return client.peer().over(); }));  // idle: GOAWAY, then the end
  EXPECT_NE(client.end.log.find("goaway"), std::string::npos);
}

TEST(H2Session, DrainLosesNothing) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  auto& before = client.ask("GET", "/before");
  mesh.request_at("web");
  mesh.worker().draining = true;
  mesh.sessions().close_idle();
  client.turn();
  // On its way when the GOAWAY came: still served.
  client.peer().say(h2::headers(3, h2::get()));
  ASSERT_TRUE(client.until([&] { return mesh.origin("web").peers.size() == 2; }));
  mesh.origin("web").peers[0]->say(kOk);
  ASSERT_TRUE(client.closed(before));
  mesh.origin("web").peers[1]->say(kOk);
  EXPECT_TRUE(mesh.until([&] { return mesh.sessions().size() == 0; }));
  EXPECT_EQ(mesh.stats().responses[2].value(), 2U);
}

TEST(H2Session, WebSocketToAnHttp1Origin) {
  Mesh mesh(Mesh::plain());
  H2Client client(mesh);
  auto& exchange = client.ask("GET", "/chat", {{":websocket", ""}, {"sec-websocket-version", "13"}}, false);
  client.say(exchange, "early", false);
  const Message request = mesh.request_at("web");
  EXPECT_EQ(request.start, "GET /chat HTTP/1.1");
  EXPECT_EQ(request.field("upgrade"), "websocket");
  mesh.origin("web").last().say(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhi");
  ASSERT_TRUE(client.until([&] { return client.body(exchange) == "hi"; }));
  EXPECT_EQ(exchange.own_response.status, 101);
  EXPECT_TRUE(mesh.until([&] { return mesh.origin("web").last().got == "early"; }));
  client.say(exchange, "more", true);
  EXPECT_TRUE(client.until([&] { return mesh.origin("web").last().got == "earlymore"; }));
  EXPECT_TRUE(client.until([&] { return mesh.origin("web").last().ended; }));
  mesh.origin("web").last().say("bye");
  mesh.origin("web").last().end_writing();
  ASSERT_TRUE(client.closed(exchange));
  EXPECT_EQ(client.body(exchange), "hibye");
}

}  // namespace
}  // namespace flagmesh::stream
