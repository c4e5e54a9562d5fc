#include "proxy/stream/message_headers.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(MessageHeaders, TellsTheContainerWhoAsks) {
  Mesh mesh(Mesh::plain());
  mesh.listener = ListenerRef(ListenerSettings{.trusted_hops = 1});
  Peer& client = mesh.client();
  client.say(
      "GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: "
      "10.0.0.2\r\n"
      "X-Forwarded-Proto: lie\r\nVia: 1.0 front\r\nX-Request-Id: abc-123\r\nConnection: x-hop, "
      "keep-alive\r\n"
      "X-Hop: 1\r\nKeep-Alive: 5\r\nTE: gzip\r\nProxy-Authorization: x\r\nX-Kept: yes\r\n\r\n");
  const Message request = mesh.request_at("web");
  EXPECT_EQ(request.start, "GET /a?b=c HTTP/1.1");
  EXPECT_EQ(request.field("host"), "shop.example");
  EXPECT_EQ(request.field("x-forwarded-for"), "10.0.0.1, 10.0.0.2, 127.0.0.1");
  EXPECT_EQ(request.field("x-forwarded-proto"), "http");
  EXPECT_EQ(request.field("x-forwarded-host"), "shop.example");
  EXPECT_EQ(request.field("via"), "1.0 front, 1.1 flagmesh");
  EXPECT_EQ(request.field("x-request-id"), "abc-123");
  EXPECT_EQ(request.field("x-kept"), "yes");
  for (const char* gone :
       {"connection", "x-hop", "keep-alive", "te", "proxy-authorization", "transfer-encoding"}) {
    EXPECT_EQ(request.count(gone), 0U) << gone;
  }
}

TEST(MessageHeaders, TellsTheClientWhatAProxyMust) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  Message reply = mesh.exchange(
      client, kGet, "web",
      "HTTP/1.1 200 Fine\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
      "X-Flagmesh-Reason: lie\r\nServer: theirs/1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(reply.start, "HTTP/1.1 200 Fine");
  EXPECT_EQ(reply.field("date").size(), 29U);
  EXPECT_EQ(reply.field("via"), "1.1 flagmesh");
  EXPECT_EQ(reply.field("server"), "theirs/1");
  EXPECT_EQ(reply.field("set-cookie"), "a=1, b=2");
  EXPECT_EQ(reply.count("x-hop") + reply.count("keep-alive") + reply.count("x-flagmesh-reason"),
            0U);
  reply = mesh.exchange(
      client, kGet, "web",
      "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(reply.field("date"), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(MessageHeaders, ViaHasAnotherNameOrIsOff) {
  Mesh mesh(Mesh::plain());
  ListenerSettings settings;
  settings.via = ListenerSettings::via_lines("edge-1");
  mesh.listener = ListenerRef(settings);
  Peer& named = mesh.client();
  named.say("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(mesh.request_at("web").field("via"), "1.0 edge-1");
  mesh.origin("web").last().say(kOk);
  EXPECT_EQ(mesh.next(named).field("via"), "1.1 edge-1");
  settings.via = ListenerSettings::via_lines("");
  mesh.listener = ListenerRef(settings);
  Peer& silent = mesh.client();
  silent.say("GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 front\r\n\r\n");
  EXPECT_EQ(mesh.request_at("web").field("via"), "1.1 front");
  mesh.origin("web").last().say(kOk);
  EXPECT_EQ(mesh.next(silent).count("via"), 0U);
}

// Hop by hop (RFC 9110 §10.1.4); HTTP/2 containers are told (h2_send.cc).
TEST(MessageHeaders, AskingForTrailersStopsHere) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  for (const std::string te : {"trailers", "deflate;q=0.5, Trailers"}) {
    client.say("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nTE: " + te + "\r\n\r\n");
    const Message request = mesh.request_at("web");
    EXPECT_EQ(request.count("te") + request.count("connection"), 0U);
    mesh.origin("web").last().say(kOk);
    mesh.next(client);
  }
  client.say("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nTE: deflate\r\n\r\n");
  const Message request = mesh.request_at("web");
  EXPECT_EQ(request.count("te") + request.count("connection"), 0U);
}

// What a client nominates cannot take away what the container decides by.
TEST(MessageHeaders, ConnectionCannotNominateWhatWeAdd) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: Host, X-Forwarded-For, X-Forwarded-Proto, "
      "X-Forwarded-Host, X-Request-Id, Via, x-flagmesh-flag, Content-Length, x-own\r\nX-Own: 1\r\n\r\n");
  const Message request = mesh.request_at("web");
  EXPECT_EQ(request.field("host"), "h");
  for (const char* kept :
       {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "via"}) {
    EXPECT_EQ(request.count(kept), 1U) << kept;
  }
  EXPECT_EQ(request.count("x-own"), 0U);
}

// Only a peer that is believed chooses it: others could hide behind an id that is in use.
TEST(MessageHeaders, AClientThatIsNotBelievedGetsAnIdOfOurs) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: mine\r\n\r\n");
  const Message request = mesh.request_at("web");
  EXPECT_EQ(request.count("x-request-id"), 1U);
  EXPECT_EQ(request.field("x-request-id").size(), 32U);
}

TEST(MessageHeaders, GivesEachRequestAnIdOfItsOwn) {
  Mesh mesh(Mesh::plain());
  mesh.listener = ListenerRef(ListenerSettings{.trusted_hops = 1});
  Peer& client = mesh.client();
  std::string before;
  for (const std::string given :
       {"", "X-Request-Id: has space\r\n", "X-Request-Id: quo\"te\r\n", "X-Request-Id: \r\n"}) {
    client.say("GET / HTTP/1.1\r\nHost: h\r\n" + given + "\r\n");
    const std::string id = mesh.request_at("web").field("x-request-id");
    EXPECT_EQ(id.size(), 32U) << given;
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_NE(id, before);
    before = id;
    mesh.origin("web").last().say(kOk);
    mesh.next(client);
  }
  client.say("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: " + std::string(129, 'x') + "\r\n\r\n");
  EXPECT_EQ(mesh.request_at("web").field("x-request-id").size(), 32U);
}

}  // namespace
}  // namespace flagmesh::stream
