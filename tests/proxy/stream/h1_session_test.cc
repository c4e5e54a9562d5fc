// A client's connection: what it may send, in what order it is answered, when the connection goes
// on and when it ends.
#include "proxy/stream/h1_session.h"

#include <gtest/gtest.h>

#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// DESIGN.md wants an idle connection to cost 0.4 KiB in all: lower this, never raise it.
TEST(H1Session, IsSmall) {
  EXPECT_LE(sizeof(H1Session), 464U);
}

TEST(H1Session, KeepsTheConnectionAndTheOneToTheContainer) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  for (int i = 0; i < 3; ++i) {
    const Message reply = mesh.exchange(client, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "web", kOk);
    EXPECT_EQ(reply.status(), 200);
    EXPECT_EQ(reply.body, "ok");
    EXPECT_EQ(reply.count("connection"), 0U);
  }
  EXPECT_EQ(mesh.origin("web").peers.size(), 1U);
  EXPECT_EQ(mesh.stats().connections_accepted.value(), 1U);
  EXPECT_EQ(mesh.stats().responses[2].value(), 3U);
}

TEST(H1Session, EndsAfterConnectionClose) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  const Message reply =
      mesh.exchange(client, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "web", kOk);
  EXPECT_EQ(reply.field("connection"), "close");
  EXPECT_TRUE(mesh.until([&] { return client.ended; }));
}

TEST(H1Session, AnswersPipelinedRequestsInOrderAndOneAtATime) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  std::string all;
  for (int i = 0; i < 40; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  client.say(all);
  for (int i = 0; i < 40; ++i) {
    const Message request = mesh.request_at("web");
    ASSERT_EQ(request.start, "GET /" + std::to_string(i) + " HTTP/1.1");
    mesh.turns(3);
    EXPECT_EQ(mesh.origin("web").last().got, "");  // the next one waits
    mesh.origin("web").last().say("HTTP/1.1 200 OK\r\nX-N: " + std::to_string(i) +
                                  "\r\nContent-Length: 0\r\n\r\n");
  }
  for (int i = 0; i < 40; ++i) EXPECT_EQ(mesh.next(client).field("x-n"), std::to_string(i));
}

// More than limits::kPipelineBudget that are answered on the spot.
TEST(H1Session, AnswersManyPipelinedRequestsThatNeedNoContainer) {
  Mesh mesh(
      "  routes: [{ path: /a, container: web }]\n  containers: { web: { endpoints: [\"@web\"] } "
      "}\n");
  Peer& client = mesh.client();
  std::string all;
  for (int i = 0; i < 200; ++i) all += "GET /none HTTP/1.1\r\nHost: h\r\n\r\n";
  client.say(all);
  for (int i = 0; i < 200; ++i) {
    const Message reply = mesh.next(client);
    ASSERT_EQ(reply.status(), 404) << i;
    EXPECT_EQ(reply.field("x-flagmesh-reason"), "no_route");
  }
}

// Its responses must not pile up here: after the watermark its requests wait, too.
TEST(H1Session, AClientThatPipelinesAndDoesNotReadIsHeldUp) {
  Mesh mesh(
      "  routes: [{ path: /a, container: web }]\n  containers: { web: { endpoints: [\"@web\"] } "
      "}\n");
  mesh.send_buffer = 4096;
  Peer& client = mesh.client(4096);
  client.stop_reading();
  std::string all;
  const int count = 100'000;
  for (int i = 0; i < count; ++i) all += "GET /none HTTP/1.1\r\nHost: h\r\n\r\n";
  client.say(all);
  for (int i = 0; i < 2000; ++i) mesh.turn();
  const uint64_t answered = mesh.stats().requests.value();
  EXPECT_LT(answered, 20'000U);  // 256 KiB and what the kernel holds, at 200 bytes each
  mesh.turns(50);
  EXPECT_EQ(mesh.stats().requests.value(), answered);
  client.go_on_reading();
  EXPECT_TRUE(mesh.until([&] { return mesh.stats().requests.value() == count; }));
}

TEST(H1Session, TakesAHeadInPieces) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  for (const char c : std::string("GET /slow HTTP/1.1\r\nHost: h\r\n\r")) {
    client.say({&c, 1});
    mesh.turn();
  }
  EXPECT_EQ(mesh.exchange(client, "\n", "web", kOk).status(), 200);
}

ListenerSettings behind_balancer(const char* trusted) {
  ListenerSettings settings{.proxy_protocol = true};
  settings.trusted_proxies = {*net::Cidr::parse(trusted)};
  return settings;
}

TEST(H1Session, BelievesTheProxyHeaderOfABalancer) {
  const std::string v2_local("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
  const std::string v2_tcp4(
      "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x01\x13\x88\x01\xbb", 28);
  const std::pair<std::string, const char*> kHeaders[] = {
      {"PROXY TCP4 203.0.113.9 198.51.100.1 5000 443\r\n", "203.0.113.9"},
      {"PROXY TCP6 2001:db8::7 2001:db8::1 5000 443\r\n", "2001:db8::7"},
      {"PROXY UNKNOWN\r\n", "127.0.0.1"},
      {v2_local, "127.0.0.1"},
      {v2_tcp4, "203.0.113.9"}};
  Mesh mesh(Mesh::plain());
  mesh.listener = ListenerRef(behind_balancer("127.0.0.0/8"));
  const std::string get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const auto& [header, client_ip] : kHeaders) {
    for (const size_t piece : {header.size() + get.size(), size_t{1}, size_t{7}}) {
      Peer& client = mesh.client();
      const std::string all = header + get;
      for (size_t at = 0; at < all.size(); at += piece) {
        client.say(all.substr(at, piece));
        mesh.turn();
      }
      EXPECT_EQ(mesh.request_at("web").field("x-forwarded-for"), client_ip);
      mesh.origin("web").last().say(kOk);
      EXPECT_EQ(mesh.next(client).status(), 200);
      // It is said once; the next bytes are a request, too.
      EXPECT_EQ(mesh.exchange(client, get, "web", kOk).status(), 200);
      client.say("PROXY UNKNOWN\r\n\r\n");
      EXPECT_EQ(mesh.next(client).status(), 505);
    }
  }
}

TEST(H1Session, CutsWhoDoesNotSayWhoItIs) {
  Mesh mesh(Mesh::plain());
  mesh.listener = ListenerRef(behind_balancer("127.0.0.0/8"));
  for (const char* bytes : {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "PROXY TCP4 a b 1 2\r\n", "\r\n\r\n\r\n"}) {
    Peer& client = mesh.client();
    client.say(bytes);
    EXPECT_TRUE(mesh.until([&] { return client.over(); })) << bytes;
    EXPECT_EQ(client.got, "");
  }
  EXPECT_EQ(mesh.stats().connections_refused.value(), 3U);
  EXPECT_EQ(mesh.stats().requests.value(), 0U);
  mesh.worker().timeouts.request_header = 50;
  Peer& late = mesh.client();
  late.say("PROXY TCP4");
  EXPECT_TRUE(mesh.until([&] { return late.over(); }));
  EXPECT_EQ(late.got, "");
}

TEST(H1Session, TakesTheProxyHeaderFromTrustedPeersOnly) {
  Mesh mesh(Mesh::plain());
  mesh.listener = ListenerRef(behind_balancer("10.0.0.0/8"));
  Peer& client = mesh.client();
  client.say("PROXY TCP4 203.0.113.9 198.51.100.1 5000 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(mesh.until([&] { return client.over(); }));
  EXPECT_EQ(client.got, "");
  EXPECT_EQ(mesh.stats().connections_refused.value(), 1U);
}

// The balancer passes bytes on: what the fields say is the client's word.
TEST(H1Session, BehindABalancerFieldsAreBelievedOfTheAddressThatItGives) {
  Mesh mesh(Mesh::plain());
  ListenerSettings settings = behind_balancer("127.0.0.0/8");
  const std::string get = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 8.8.8.8\r\n\r\n";
  const auto chain_of = [&](const char* client_ip) {
    mesh.listener = ListenerRef(settings);
    Peer& client = mesh.client();
    client.say(std::string("PROXY TCP4 ") + client_ip + " 198.51.100.1 5000 443\r\n" + get);
    const std::string chain = mesh.request_at("web").field("x-forwarded-for");
    mesh.origin("web").last().say(kOk);
    mesh.next(client);
    return chain;
  };
  EXPECT_EQ(chain_of("203.0.113.9"), "203.0.113.9");
  settings.trusted_proxies.push_back(*net::Cidr::parse("203.0.113.0/24"));
  EXPECT_EQ(chain_of("203.0.113.9"), "8.8.8.8, 203.0.113.9");
  settings.trusted_proxies.pop_back();
  settings.trusted_hops = 1;
  EXPECT_EQ(chain_of("203.0.113.9"), "8.8.8.8, 203.0.113.9");
}

TEST(H1Session, SpeaksHttp10) {
  Mesh mesh(Mesh::plain());
  Peer& closing = mesh.client();
  EXPECT_EQ(mesh.exchange(closing, "GET / HTTP/1.0\r\n\r\n", "web", kOk).field("connection"),
            "close");
  EXPECT_TRUE(mesh.until([&] { return closing.ended; }));
  Peer& keeping = mesh.client();
  const std::string request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ(mesh.exchange(keeping, request, "web", kOk).field("connection"), "keep-alive");
  // Chunks are not for it: the body ends with the connection.
  const Message reply =
      mesh.exchange(keeping, request, "web",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(reply.body, "abc");
  EXPECT_EQ(reply.count("transfer-encoding"), 0U);
  EXPECT_EQ(reply.field("connection"), "close");
}

TEST(H1Session, AnswersHeadWithoutABody) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  for (const std::string framing : {"Content-Length: 5", "Transfer-Encoding: chunked"}) {
    client.say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(mesh.request_at("web").start, "HEAD / HTTP/1.1");
    mesh.origin("web").last().say("HTTP/1.1 200 OK\r\n" + framing + "\r\n\r\n");
    const Message reply = mesh.next(client, true);
    EXPECT_EQ(reply.field("content-length"), framing.starts_with("C") ? "5" : "");
  }
  client.say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  mesh.request_at("web");
  mesh.origin("web").last().say(
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"a\"\r\n\r\n");
  EXPECT_EQ(mesh.next(client, true).field("content-length"), "9");
  client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  mesh.request_at("web");
  mesh.origin("web").last().say(
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"a\"\r\n\r\n");
  EXPECT_EQ(mesh.next(client).field("etag"), "\"a\"");
  EXPECT_EQ(mesh.exchange(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "web", kOk).body, "ok");
  EXPECT_EQ(mesh.origin("web").peers.size(), 1U);
}

TEST(H1Session, RefusesWhatIsNoRequestAndCloses) {
  struct Row {
    const char* bytes;
    int status;
    const char* reason;
  };
  for (const Row& row :
       {Row{"GET /\r\n\r\n", 505, "unsupported_version"},
        Row{"GET / HTTP/1.1\r\n\r\n", 400, "missing_host"},
        Row{"GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", 400, "space_before_colon"},
        Row{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400, "bad_content_length"},
        Row{"GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505, "unsupported_version"}}) {
    Mesh mesh(Mesh::plain());
    Peer& client = mesh.client();
    client.say(row.bytes);
    const Message reply = mesh.next(client);
    EXPECT_EQ(reply.status(), row.status) << row.bytes;
    EXPECT_EQ(reply.field("x-flagmesh-reason"), row.reason) << row.bytes;
    EXPECT_EQ(reply.field("connection"), "close");
    EXPECT_EQ(reply.field("date").size(), 29U);
    EXPECT_TRUE(mesh.until([&] { return client.ended; }));
    EXPECT_TRUE(mesh.origin("web").peers.empty());
  }
}

TEST(H1Session, RefusesABodyThatBreaksHalfWay) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").got.ends_with("abc\r\n"); }));
  client.say("oops\r\n");
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 400);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "bad_chunk_size");
  EXPECT_TRUE(mesh.until([&] { return client.ended && mesh.accepted("web").over(); }));
}

// A client that shows a byte now and then would hold its connection for ever.
TEST(H1Session, AHeadThatDripsIsCutAfterItsTime) {
  Mesh mesh(Mesh::plain());
  mesh.worker().timeouts.request_header = 300;
  Peer& client = mesh.client();
  client.say("GET / HTTP/1.1\r\nX: ");
  const MonoMs start = mono_ms();
  MonoMs said = start;
  const bool over = mesh.until([&] {
    if (mono_ms() - said > 40 && mono_ms() - start < 3'000) {
      client.say("a");
      said = mono_ms();
    }
    return !client.got.empty();
  });
  ASSERT_TRUE(over);
  EXPECT_LT(mono_ms() - start, 2'500U);
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 408);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "request_timeout");
}

TEST(H1Session, AHeadThatDripsOnAKeptConnectionIsCutToo) {
  Mesh mesh(Mesh::plain());
  mesh.worker().timeouts.request_header = 300;
  Peer& client = mesh.client();
  mesh.exchange(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "web", kOk);
  client.say("GET / HTTP/1.1\r\nX: ");
  const MonoMs start = mono_ms();
  MonoMs said = start;
  EXPECT_TRUE(mesh.until([&] {
    if (mono_ms() - said > 40 && mono_ms() - start < 3'000) {
      client.say("a");
      said = mono_ms();
    }
    return !client.got.empty();
  }));
  EXPECT_LT(mono_ms() - start, 2'500U);
  EXPECT_EQ(mesh.next(client).status(), 408);
}

TEST(H1Session, ABodyThatDoesNotComeIsCut) {
  Mesh mesh(Mesh::plain());
  mesh.worker().timeouts.request_body = 100;
  Peer& client = mesh.client();
  client.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 408);
  EXPECT_EQ(reply.field("connection"), "close");
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").over(); }));
}

TEST(H1Session, AnIdleConnectionIsClosedWithoutAWord) {
  Mesh mesh(Mesh::plain());
  mesh.worker().timeouts.connection_idle = 50;
  Peer& client = mesh.client();
  mesh.exchange(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "web", kOk);
  EXPECT_TRUE(mesh.until([&] { return client.ended; }));
  EXPECT_EQ(client.got, "");
  EXPECT_TRUE(mesh.until([&] { return mesh.sessions().size() == 0; }));
}

TEST(H1Session, AHalfClosedClientGetsItsAnswer) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.end_writing();
  mesh.request_at("web");
  mesh.turns(5);
  mesh.origin("web").last().say(kOk);
  EXPECT_EQ(mesh.next(client).body, "ok");
  EXPECT_TRUE(mesh.until([&] { return client.ended; }));
}

// The end of the client's side was taken for the end of the connection, with the answer still
// waiting to be written.
TEST(H1Session, AHalfClosedSlowClientGetsItsWholeAnswer) {
  for (const bool ends_late : {false, true}) {
    Mesh mesh(Mesh::plain());
    mesh.send_buffer = 4096;
    Peer& client = mesh.client(4096);
    client.stop_reading();
    client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    if (!ends_late) client.end_writing();
    mesh.request_at("web");
    const std::string body(400'000, 'x');
    Peer& origin = mesh.origin("web").last();
    origin.say("HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + body);
    for (int i = 0; i < 50; ++i) mesh.turn(1);
    client.go_on_reading();
    EXPECT_TRUE(mesh.until([&] { return origin.unsent() == 0; }));
    if (ends_late) {
      client.stop_reading();
      client.end_writing();
      for (int i = 0; i < 50; ++i) mesh.turn(1);
      client.go_on_reading();
    }
    EXPECT_EQ(mesh.next(client).body.size(), body.size());
    EXPECT_TRUE(mesh.until([&] { return client.ended; }));
    EXPECT_FALSE(client.broken);
  }
}

TEST(H1Session, DrainingSaysCloseAndEndsIdleConnections) {
  Mesh mesh(Mesh::plain());
  Peer& idle = mesh.client();
  mesh.exchange(idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "web", kOk);
  Peer& busy = mesh.client();
  busy.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  mesh.request_at("web");
  mesh.worker().draining = true;
  mesh.sessions().close_idle();
  EXPECT_TRUE(mesh.until([&] { return idle.ended; }));
  for (const auto& peer : mesh.origin("web").peers) peer->say(kOk);
  EXPECT_EQ(mesh.next(busy).field("connection"), "close");
  EXPECT_TRUE(mesh.until([&] { return busy.ended; }));
}

TEST(H1Session, AnOldConnectionEndsAfterItsRequest) {
  Mesh mesh(Mesh::plain());
  mesh.worker().timeouts.max_connection_age = 1;
  Peer& client = mesh.client();
  client.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  mesh.request_at("web");
  const MonoMs start = mono_ms();
  mesh.until([&] { return mono_ms() > start + 5; });
  mesh.origin("web").last().say(kOk);
  EXPECT_EQ(mesh.next(client).field("connection"), "close");
}

}  // namespace
}  // namespace flagmesh::stream
