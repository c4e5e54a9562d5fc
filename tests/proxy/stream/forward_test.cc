// Bytes in both directions, and what the client sees when the container breaks at each point.
#include "proxy/stream/forward.h"

#include <gtest/gtest.h>

#include "proxy/limits.h"
#include "tests/fakes/mesh.h"

namespace flagmesh::stream {
namespace {

using fakes::Mesh;
using fakes::Message;
using fakes::Peer;

const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Routes with a variant's container "a" and the fallback "b"; every user gets "on".
const std::string kFlag =
    "flags: { f: { state: ENABLED, variants: { \"on\": 1, \"off\": 0 }, defaultVariant: \"on\" } "
    "}\n";
std::string flag_route(const std::string& route, const std::string& a = "",
                       const std::string& endpoints = "\"@a\"") {
  return "  routes: [{ path: /, flag: f, serve: { \"on\": a, \"off\": b }, fallback: b, bucket_by: "
         "[ip], " +
         route + " }]\n  containers:\n    a: { endpoints: [" + endpoints + "]" +
         (a.empty() ? "" : ", " + a) + " }\n    b: { endpoints: [\"@b\"] }\n";
}

// --- Bodies
// ------------------------------------------------------------------------------------------------------------

TEST(Forward, ChunksAndTrailersBothWays) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n"
      "X-Sum: 1\r\nX-Flagmesh-Flag: lie\r\n\r\n");
  const Message request = mesh.request_at("web");
  EXPECT_EQ(request.body, "abcde");
  EXPECT_EQ(request.trailers.count("x-sum"), 1U);
  EXPECT_EQ(request.trailers.count("x-flagmesh-flag"), 0U);
  mesh.origin("web").last().say(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\nX-End: 2\r\n\r\n");
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.body, "wxyz");
  EXPECT_EQ(reply.trailers.count("x-end"), 1U);
  EXPECT_EQ(mesh.exchange(client, kGet, "web", kOk).body, "ok");
}

TEST(Forward, ABodyUntilCloseBecomesChunks) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say(kGet);
  mesh.request_at("web");
  Peer& origin = mesh.origin("web").last();
  origin.say("HTTP/1.0 200 OK\r\n\r\nsome bytes");
  origin.end_writing();
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.field("transfer-encoding"), "chunked");
  EXPECT_EQ(reply.body, "some bytes");
  EXPECT_TRUE(mesh.until([&] { return origin.over(); }));
  EXPECT_EQ(mesh.exchange(client, kGet, "web", kOk).body, "ok");  // on a new connection
  EXPECT_EQ(mesh.origin("web").peers.size(), 2U);
}

TEST(Forward, ExpectationsAndInterimResponsesPass) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  Peer& origin = mesh.accepted("web");
  EXPECT_TRUE(mesh.until([&] { return origin.got.ends_with("\r\n\r\n"); }));
  origin.say(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Flagmesh-Flag: "
      "lie\r\n"
      "Keep-Alive: 1\r\n\r\n");
  EXPECT_EQ(mesh.next(client).status(), 100);
  const Message hints = mesh.next(client);
  EXPECT_EQ(hints.field("link"), "</a>");
  EXPECT_EQ(hints.count("x-flagmesh-flag") + hints.count("keep-alive"), 0U);
  client.say("abc");
  EXPECT_EQ(mesh.next(origin).body, "abc");
  origin.say(kOk);
  EXPECT_EQ(mesh.next(client).body, "ok");
}

TEST(Forward, AnEarlyAnswerReachesAClientThatIsStillSending) {
  for (const bool resets : {false, true}) {
    Mesh mesh(Mesh::plain());
    Peer& client = mesh.client();
    client.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n" +
               std::string(1'000'000, 'x'));
    Peer& origin = mesh.accepted("web");
    origin.stop_reading();
    for (int i = 0; i < 20; ++i) mesh.turn(1);
    origin.say("HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\n\r\nmuch");
    if (resets) origin.close();
    const Message reply = mesh.next(client);
    EXPECT_EQ(reply.status(), 413);
    EXPECT_EQ(reply.body, "much");
    client.say(std::string(100'000, 'x'));
    EXPECT_TRUE(mesh.until([&] { return client.over(); }));
  }
}

// --- Back pressure
// -----------------------------------------------------------------------------------------------------

TEST(Forward, ASlowClientHoldsUpTheContainer) {
  Mesh mesh(Mesh::plain());
  mesh.send_buffer = 16384;
  Peer& client = mesh.client(16384);
  client.stop_reading();
  client.say(kGet);
  mesh.request_at("web");
  Peer& origin = mesh.origin("web").last();
  const size_t size = 30'000'000;
  origin.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
             std::string(size, 'x'));
  for (int i = 0; i < 100; ++i) mesh.turn(1);
  const size_t held = origin.unsent();
  EXPECT_GT(held, size / 2);  // what the kernel's buffers took, and at most the watermark here
  mesh.turns(50);
  EXPECT_EQ(origin.unsent(), held);
  client.go_on_reading();
  EXPECT_EQ(mesh.next(client).body.size(), size);
  EXPECT_EQ(mesh.exchange(client, kGet, "web", kOk).body, "ok");
}

TEST(Forward, ASlowContainerHoldsUpTheClientAndIsNotBlamedOnIt) {
  Mesh mesh(Mesh::plain());
  mesh.worker().timeouts.request_body = 100;
  Peer& client = mesh.client();
  const size_t size = 30'000'000;
  client.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
             std::string(size, 'x'));
  Peer& origin = mesh.accepted("web");
  origin.stop_reading();
  for (int i = 0; i < 100; ++i) mesh.turn(1);
  const size_t held = client.unsent();
  EXPECT_GT(held, size / 2);
  const MonoMs start = mono_ms();
  mesh.until([&] { return mono_ms() > start + 300; });
  EXPECT_EQ(client.got, "");  // no 408: it was told to wait
  EXPECT_EQ(client.unsent(), held);
  origin.go_on_reading();
  EXPECT_EQ(mesh.next(origin).body.size(), size);
  origin.say(kOk);
  EXPECT_EQ(mesh.next(client).body, "ok");
}

// --- The client goes
// ---------------------------------------------------------------------------------------------------

TEST(Forward, AClientThatGoesFreesTheContainersConnection) {
  const std::string half = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc";
  for (const bool resets : {false, true}) {
    for (const std::string& sent : {std::string("GET / HT"), half}) {
      Mesh mesh(Mesh::plain());
      Peer& client = mesh.client();
      client.say(sent);
      if (sent == half) {
        EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").got.ends_with("abc"); }));
      }
      mesh.turns(3);
      resets ? client.reset() : client.close();
      EXPECT_TRUE(mesh.until([&] { return mesh.sessions().size() == 0; }));
      if (sent == half) {
        EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").over(); }));
      }
    }
  }
}

TEST(Forward, AClientThatResetsWhileItWaitsOrReads) {
  for (const std::string& answer :
       {std::string(), std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")}) {
    Mesh mesh(Mesh::plain());
    Peer& client = mesh.client();
    client.say(kGet);
    mesh.request_at("web");
    Peer& origin = mesh.origin("web").last();
    origin.say(answer);
    if (!answer.empty()) {
      EXPECT_TRUE(mesh.until([&] { return !client.got.empty(); }));
    }
    client.reset();
    EXPECT_TRUE(mesh.until([&] { return origin.over() && mesh.sessions().size() == 0; }));
  }
}

// Pipelined bytes pause reading, so that the reset shows only when something is written: inside of
// breaking the response off.
TEST(Forward, AClientThatResetWithPipelinedBytesWhenTheAnswerBreaks) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  client.say(kGet + kGet);
  mesh.request_at("web");
  client.reset();
  mesh.origin("web").last().say(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nthis is no chunk\r\n");
  EXPECT_TRUE(mesh.until([&] { return mesh.sessions().size() == 0; }));
}

// --- The container breaks
// ----------------------------------------------------------------------------------------------

TEST(Forward, AContainerThatBreaksBeforeTheHeadIs502) {
  for (const std::string said : {"", "HTTP/1.1 20"}) {
    for (const bool resets : {false, true}) {
      Mesh mesh(Mesh::plain());
      Peer& client = mesh.client();
      client.say(kGet);
      mesh.request_at("web");
      Peer& origin = mesh.origin("web").last();
      origin.say(said);
      mesh.turns(3);
      resets ? origin.reset() : origin.close();
      const Message reply = mesh.next(client);
      EXPECT_EQ(reply.status(), 502);
      EXPECT_EQ(reply.field("x-flagmesh-reason"), "upstream_reset");
      EXPECT_EQ(mesh.exchange(client, kGet, "web", kOk).body,
                "ok");  // the client's connection goes on
    }
  }
}

TEST(Forward, WhatIsNoHttpIs502) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  EXPECT_EQ(mesh.exchange(client, kGet, "web", "220 smtp ready\r\n\r\n").field("x-flagmesh-reason"),
            "upstream_protocol_error");
}

TEST(Forward, ABodyThatBreaksNeverLooksComplete) {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& answer :
       {length, length + "abc", chunked, chunked + "3\r\nabc\r\n", chunked + "9\r\nabc"}) {
    for (const bool resets : {false, true}) {
      for (const std::string version : {"1.1", "1.0"}) {
        Mesh mesh(Mesh::plain());
        Peer& client = mesh.client();
        client.say("GET / HTTP/" + version + "\r\nHost: h\r\n\r\n");
        mesh.request_at("web");
        Peer& origin = mesh.origin("web").last();
        origin.say(answer);
        EXPECT_TRUE(mesh.until([&] { return client.got.find("\r\n\r\n") != std::string::npos; }));
        resets ? origin.reset() : origin.close();
        EXPECT_TRUE(mesh.until([&] { return client.over(); }));
        EXPECT_TRUE(client.broken) << answer;
        EXPECT_FALSE(client.got.ends_with("\r\n0\r\n\r\n"));
      }
    }
  }
}

// A stop in the middle is a reset too: HTTP/1.0 clients know the end of a body from the end of the
// connection.
TEST(Forward, AResponseThatStallsIsBrokenNotEnded) {
  Mesh mesh(Mesh::plain());
  mesh.worker().timeouts.stream_idle = 80;
  Peer& client = mesh.client();
  client.say("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  mesh.request_at("web");
  mesh.origin("web").last().say(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_TRUE(mesh.until([&] { return client.over(); }));
  EXPECT_TRUE(client.broken);
  EXPECT_TRUE(mesh.until([&] { return mesh.origin("web").last().over(); }));
}

// --- Reused connections
// ------------------------------------------------------------------------------------------------

TEST(Forward, AStaleConnectionIsTriedOnceMoreForGetOnly) {
  for (const std::string& request : {kGet, kPost}) {
    for (const bool resets : {false, true}) {
      Mesh mesh(Mesh::plain("retries: { attempts: 0 }"));
      Peer& client = mesh.client();
      mesh.exchange(client, kGet, "web", kOk);
      client.say(request);
      Peer& first = mesh.accepted("web");
      EXPECT_TRUE(mesh.until([&] { return first.take().has_value(); }));
      resets ? first.reset() : first.close();
      if (request == kGet) {
        mesh.accepted("web", 1);
        mesh.request_at("web");
        mesh.origin("web").last().say(kOk);
        EXPECT_EQ(mesh.next(client).body, "ok");
      } else {
        EXPECT_EQ(mesh.next(client).status(), 502);
        EXPECT_EQ(mesh.origin("web").peers.size(), 1U);
      }
    }
  }
}

TEST(Forward, AStaleConnectionUsesUpNoRetry) {
  Mesh mesh(Mesh::plain("retries: { attempts: 1, on: [\"503\"] }"));
  Peer& client = mesh.client();
  mesh.exchange(client, kGet, "web", kOk);
  client.say(kGet);
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").take().has_value(); }));
  mesh.accepted("web").close();
  mesh.request_at("web");
  mesh.origin("web").last().say("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  mesh.request_at("web");
  mesh.origin("web").last().say(kOk);
  EXPECT_EQ(mesh.next(client).status(), 200);
}

TEST(Forward, AnUnaskedAnswerIsNotTakenForTheNextOne) {
  Mesh mesh(Mesh::plain());
  Peer& client = mesh.client();
  mesh.exchange(client, kGet, "web", kOk + kOk);
  const Message reply =
      mesh.exchange(client, kGet, "web", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(reply.status(), 201);
  EXPECT_EQ(mesh.origin("web").peers.size(), 2U);
}

// --- Retries
// -----------------------------------------------------------------------------------------------------------

TEST(Forward, ConnectFailuresGoToTheNextEndpointThenToTheFallback) {
  Mesh mesh(flag_route("retries: { attempts: 1 }", "", "\"@a\", \"@c\""), kFlag);
  mesh.origin("a").stop();
  Peer& client = mesh.client();
  for (int i = 0; i < 2; ++i) {  // whichever endpoint's turn it is
    EXPECT_EQ(mesh.exchange(client, i == 0 ? kGet : kPost, "c", kOk).status(), 200);
  }
  mesh.origin("c").stop();
  mesh.origin("c").peers.clear();
  mesh.turns(5);
  client.say(kPost);
  EXPECT_EQ(mesh.request_at("b").body, "abc");
  mesh.origin("b").last().say(kOk);
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.field("x-flagmesh-variant"), "on");
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "container_unhealthy");
}

TEST(Forward, NobodyThereIs503) {
  Mesh mesh(Mesh::plain());
  mesh.origin("web").stop();
  Peer& client = mesh.client();
  client.say(kGet);
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "connect_failure");
  EXPECT_EQ(reply.field("retry-after"), "1");
}

TEST(Forward, AttemptsAreBounded) {
  Mesh mesh(Mesh::plain("retries: { attempts: 3, on: [\"503\"] }"));
  Peer& client = mesh.client();
  client.say(kGet);
  for (int i = 0; i < 4; ++i) {
    mesh.request_at("web");
    mesh.origin("web").last().say("HTTP/1.1 503 Busy\r\nX-N: " + std::to_string(i) +
                                  "\r\nContent-Length: 2\r\n\r\nno");
  }
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.field("x-n"), "3");
  EXPECT_EQ(reply.body, "no");
  EXPECT_EQ(mesh.container("web").shard(0).retries.value(), 3U);
}

TEST(Forward, APostThatWasSentIsNotSentAgain) {
  Mesh mesh(Mesh::plain("retries: { attempts: 3, on: [reset, timeout, \"503\"] }"));
  Peer& client = mesh.client();
  EXPECT_EQ(mesh.exchange(client, kPost, "web", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
                .status(),
            503);
  client.say(kPost);
  mesh.request_at("web");
  mesh.origin("web").last().reset();
  EXPECT_EQ(mesh.next(client).status(), 502);
}

TEST(Forward, ABodyThatCameSoFarIsSentAgain) {
  Mesh mesh(Mesh::plain("retries: { attempts: 1, on: [reset] }"));
  Peer& client = mesh.client();
  client.say("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").got.ends_with("abc"); }));
  mesh.accepted("web").reset();
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web", 1).got.ends_with("abc"); }));
  client.say("def");
  EXPECT_EQ(mesh.next(mesh.accepted("web", 1)).body, "abcdef");
  mesh.accepted("web", 1).say(kOk);
  EXPECT_EQ(mesh.next(client).status(), 200);
}

TEST(Forward, ABodyTooLargeToKeepIsNotSentAgain) {
  Mesh mesh(Mesh::plain("retries: { attempts: 1, on: [reset] }"));
  Peer& client = mesh.client();
  const size_t size = limits::kRetryBodyBytes + 1000;
  client.say("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  mesh.accepted("web");
  mesh.turns(5);
  for (size_t sent = 0; sent < size; sent += 1000) {
    client.say(std::string(std::min<size_t>(1000, size - sent), 'x'));
    mesh.turn();
  }
  EXPECT_EQ(mesh.request_at("web").body.size(), size);
  mesh.accepted("web").reset();
  EXPECT_EQ(mesh.next(client).status(), 502);
}

TEST(Forward, A503OfTheVariantGoesToTheFallback) {
  Mesh mesh(flag_route("retries: { attempts: 1, on: [\"503\"] }"), kFlag);
  Peer& client = mesh.client();
  client.say(kGet);
  mesh.request_at("a");
  mesh.origin("a").last().say("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
  EXPECT_EQ(mesh.request_at("b").field("x-flagmesh-variant"), "on");
  mesh.origin("b").last().say(kOk);
  EXPECT_EQ(mesh.next(client).body, "ok");
}

// The answer was thrown away before it was known whether the fallback takes the request: the client
// waited for ever.
TEST(Forward, A503OfTheVariantIsTheAnswerWhenTheFallbackDoesNotTakeIt) {
  Mesh mesh(
      flag_route("retries: { attempts: 1, on: [\"503\"] }", "circuit_breaker: { max_retries: 0 }"),
      kFlag);
  mesh.container("b").set_breaker(upstream::BreakerState::kOpen);
  Peer& client = mesh.client();
  client.say(kGet);
  mesh.request_at("a");
  mesh.origin("a").last().say("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 503);
  EXPECT_EQ(reply.body, "busy");
}

TEST(Forward, WithoutPlacesForRetriesTheFallbackStillTakesWhatWasNeverSent) {
  Mesh mesh(flag_route("retries: { attempts: 1 }", "circuit_breaker: { max_retries: 0 }",
                       "\"@a\", \"@c\""),
            kFlag);
  mesh.origin("a").stop();
  mesh.origin("c").stop();
  Peer& client = mesh.client();
  EXPECT_EQ(mesh.exchange(client, kPost, "b", kOk).status(), 200);
}

// --- Time
// --------------------------------------------------------------------------------------------------------------

TEST(Forward, TheRoutesTimeoutIs504) {
  Mesh mesh(Mesh::plain("timeout: 80ms, retries: { attempts: 3, on: [timeout] }"));
  Peer& client = mesh.client();
  client.say(kGet);
  const Message reply = mesh.next(client);
  EXPECT_EQ(reply.status(), 504);
  EXPECT_EQ(reply.field("x-flagmesh-reason"), "upstream_timeout");
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").over(); }));
  EXPECT_EQ(mesh.origin("web").peers.size(), 1U);
}

TEST(Forward, ATryThatTakesTooLongIsTriedAgain) {
  Mesh mesh(
      Mesh::plain("timeout: 10s, retries: { attempts: 1, per_try_timeout: 80ms, on: [timeout] }"));
  Peer& client = mesh.client();
  client.say(kGet);
  mesh.accepted("web", 1);
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").over(); }));
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web", 1).take().has_value(); }));
  mesh.accepted("web", 1).say(kOk);
  EXPECT_EQ(mesh.next(client).body, "ok");
}

TEST(Forward, TheTimeoutEndsWithTheHead) {
  Mesh mesh(Mesh::plain("timeout: 100ms"));
  Peer& client = mesh.client();
  client.say(kGet);
  mesh.request_at("web");
  mesh.origin("web").last().say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  const MonoMs start = mono_ms();
  mesh.until([&] { return mono_ms() > start + 250; });
  mesh.origin("web").last().say("ok");
  EXPECT_EQ(mesh.next(client).body, "ok");
}

TEST(Forward, SilenceWithoutATimeoutIs504) {
  Mesh mesh(Mesh::plain("timeout: 0s"));
  mesh.worker().timeouts.stream_idle = 80;
  Peer& client = mesh.client();
  client.say(kGet);
  EXPECT_EQ(mesh.next(client).status(), 504);
  EXPECT_TRUE(mesh.until([&] { return mesh.accepted("web").over(); }));
}

}  // namespace
}  // namespace flagmesh::stream
