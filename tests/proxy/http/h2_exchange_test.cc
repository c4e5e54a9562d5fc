// Both ends of a connection against each other: what one sends the other shows.
#include <gtest/gtest.h>

#include "proxy/limits.h"
#include "tests/proxy/http/h2_frames.h"

namespace flagmesh::http {
namespace {

using namespace h2;  // NOLINT: frames are this file's language

struct Pair {
  End client{H2Role::kClient};
  End server{H2Role::kServer};

  void run(size_t step = 0) {
    for (int i = 0; i < 1000; ++i) {
      client.pull();
      server.pull();
      if (client.sent.empty() && server.sent.empty()) return;
      const std::string up = std::exchange(client.sent, {});
      const std::string down = std::exchange(server.sent, {});
      server.feed(up, step);
      client.feed(down, step);
    }
    ADD_FAILURE() << "they never stop talking";
  }
  End::Exchange& ask(const std::string& method, const Fields& fields, bool end = true) {
    End::Exchange& exchange = client.make();
    RequestHead& head = exchange.own_request;
    head.method_text = exchange.own_arena.copy(method);
    head.method = method_of(method);
    head.authority = "h";
    head.target = "/x";
    head.te_trailers = true;
    for (const auto& [name, value] : fields) {
      const std::string_view kept = exchange.own_arena.copy(name);
      head.headers.add(exchange.own_arena, header_id(kept), kept, exchange.own_arena.copy(value));
    }
    EXPECT_TRUE(client.connection.send_request(exchange, head, false, end));
    run();
    return exchange;
  }
  void answer(size_t i, uint16_t status, BodyFraming body, const Fields& fields = {}, bool end = false) {
    ResponseHead head;
    head.status = status;
    head.body = body;
    for (const auto& [name, value] : fields) {
      const std::string_view kept = server.stream(i).own_arena.copy(name);
      head.headers.add(server.stream(i).own_arena, header_id(kept), kept,
                       server.stream(i).own_arena.copy(value));
    }
    server.connection.send_response(server.stream(i), head, true, end);
  }
};

const std::string kHead = " host=h\n";

TEST(H2Exchange, WholeWithTrailersBothWays) {
  Pair pair;
  End::Exchange& ask = pair.ask("POST", {{"X-Mixed", "Case"}, {"Connection", "close"}, {"TE", "x"}}, false);
  pair.client.connection.send_data(ask, "hello");
  HeaderList trailers;
  trailers.add(ask.own_arena, HeaderId::kOther, "X-Sum", "5");
  pair.client.connection.send_end(ask, &trailers);
  pair.run();
  EXPECT_EQ(pair.server.log,
            "head 1 POST h/x x-mixed=Case te=trailers host=h\ndata 1 hello\ntrailers 1 x-sum=5\nend 1\n");
  pair.answer(0, 200, {Framing::kChunked, 0}, {{"Server", "s"}});
  pair.server.connection.send_data(pair.server.stream(0), "world");
  HeaderList grpc;
  grpc.add(pair.server.stream(0).own_arena, HeaderId::kOther, "grpc-status", "0");
  pair.server.connection.send_end(pair.server.stream(0), &grpc);
  pair.run();
  EXPECT_EQ(pair.client.log,
            "head 1 200 server=s\ndata 1 world\ntrailers 1 grpc-status=0\nend 1\nclosed 1 0\n");
  EXPECT_TRUE(pair.server.stream(0).closed);
}

TEST(H2Exchange, EndsWithTheHeadWhenThereIsNoBody) {
  Pair pair;
  pair.ask("GET", {});
  pair.answer(0, 204, {}, {}, true);
  pair.run();
  EXPECT_EQ(pair.client.log, "head 1 204 end\nclosed 1 0\n");
  EXPECT_TRUE(pair.client.stream(0).own_response.ended);
}

TEST(H2Exchange, HeadKeepsTheLength) {
  Pair pair;
  pair.ask("HEAD", {});
  pair.answer(0, 200, {}, {{"Content-Length", "77"}}, true);
  pair.run();
  EXPECT_EQ(pair.client.log, "head 1 200 content-length=77 end\nclosed 1 0\n");
}

// RFC 7541 §6.2.3: on the wire it is a literal that no table takes, and who passes it on says so again.
TEST(H2Exchange, NeverIndexedFieldsStayThat) {
  Pair pair;
  const auto mark = [](HeaderList& list) {
    for (Field& field : list) field.never_indexed = field.name == "x-secret";
  };
  End::Exchange& exchange = pair.client.make();
  RequestHead& head = exchange.own_request;
  head.method = Method::kGet;
  head.method_text = method_name(Method::kGet);
  head.authority = "h";
  head.target = "/";
  head.headers.add(exchange.own_arena, HeaderId::kOther, "x-secret", "abcdefgh");
  head.headers.add(exchange.own_arena, HeaderId::kOther, "x-open", "abcdefgh");
  mark(head.headers);
  EXPECT_TRUE(pair.client.connection.send_request(exchange, head, false, true));
  pair.run();
  End::Exchange& got = pair.server.stream(0);
  EXPECT_TRUE(got.own_request.headers.find("x-secret")->never_indexed);
  EXPECT_FALSE(got.own_request.headers.find("x-open")->never_indexed);

  ResponseHead answer;
  answer.status = 200;
  answer.body = {Framing::kChunked, 0};
  HeaderList trailers;
  trailers.add(got.own_arena, HeaderId::kOther, "x-secret", "abcdefgh");
  mark(trailers);
  pair.server.connection.send_response(got, answer, false, false);
  pair.server.connection.send_end(got, &trailers);
  pair.run();
  EXPECT_TRUE(exchange.own_trailers.find("x-secret")->never_indexed);
}

TEST(H2Exchange, InterimResponses) {
  Pair pair;
  pair.ask("GET", {});
  ResponseHead interim;
  interim.status = 103;
  pair.server.connection.send_interim(pair.server.stream(0), interim);
  pair.server.connection.send_interim(pair.server.stream(0), interim);
  pair.answer(0, 200, {Framing::kLength, 0}, {}, true);
  pair.run();
  EXPECT_EQ(pair.client.log, "interim 1 103\ninterim 1 103\nhead 1 200 content-length=0 end\nclosed 1 0\n");
}

TEST(H2Exchange, BodyLargerThanTheWindowWaitsForTheReader) {
  Pair pair;
  pair.client.consume = false;
  pair.ask("GET", {});
  pair.answer(0, 200, {Framing::kLength, 1'000'000});
  const std::string body(1'000'000, 'x');
  pair.server.connection.send_data(pair.server.stream(0), body);
  pair.server.connection.send_end(pair.server.stream(0), nullptr);
  pair.run();
  End::Exchange& got = pair.client.stream(0);
  EXPECT_EQ(got.received, limits::kH2StreamWindow);
  EXPECT_EQ(pair.server.connection.waiting(), body.size() - limits::kH2StreamWindow);
  pair.client.consume = true;
  pair.client.connection.consumed(got, got.received);
  pair.run();
  EXPECT_EQ(got.received, body.size());
  EXPECT_TRUE(got.remote_ended);
  EXPECT_EQ(pair.server.connection.waiting(), 0U);
  EXPECT_NE(pair.server.log.find("drained 1"), std::string::npos);
}

TEST(H2Exchange, StreamsShareTheConnectionFairly) {
  Pair pair;
  for (int i = 0; i < 4; ++i) pair.ask("GET", {});
  const std::string body(200'000, 'x');
  for (size_t i = 0; i < 4; ++i) {
    pair.answer(i, 200, {Framing::kLength, body.size()});
    pair.server.connection.send_data(pair.server.stream(i), body);
    pair.server.connection.send_end(pair.server.stream(i), nullptr);
  }
  Output out;
  pair.server.connection.pull(out);  // one budget
  std::string bytes;
  out.rest(0, [&](std::string_view piece) { bytes += piece; });
  std::map<uint32_t, size_t> sent;
  for (const Frame& one : take_frames(bytes)) {
    if (one.type == kData) sent[one.id] += one.payload.size();
  }
  ASSERT_EQ(sent.size(), 4U);
  for (const auto& [id, count] : sent) EXPECT_NEAR(static_cast<double>(count), 64'000, 20'000) << id;
}

TEST(H2Exchange, AnAnswerThatIsWholeStopsTheUpload) {
  Pair pair;
  pair.ask("POST", {}, false);
  pair.answer(0, 413, {Framing::kLength, 0}, {}, true);
  pair.server.connection.ignore_rest(pair.server.stream(0));
  pair.run();
  EXPECT_EQ(pair.client.log, "head 1 413 content-length=0 end\nclosed 1 0\n");
  EXPECT_TRUE(pair.server.stream(0).closed);
}

TEST(H2Exchange, AResponseThatLiesAboutItsLengthIsReset) {
  Pair pair;
  pair.ask("GET", {});
  pair.answer(0, 200, {Framing::kLength, 5});
  pair.server.connection.send_data(pair.server.stream(0), "abc");
  pair.server.connection.send_end(pair.server.stream(0), nullptr);
  pair.run();
  EXPECT_EQ(pair.client.log,
            "head 1 200 content-length=5\ndata 1 abc\nclosed 1 1 content_length_mismatch\n");
}

TEST(H2Exchange, RequestsBehindAGoawayWereNotProcessed) {
  Pair pair;
  pair.ask("GET", {});
  pair.server.connection.announce_shutdown();
  pair.run();
  EXPECT_NE(pair.client.log.find("goaway"), std::string::npos);
  EXPECT_FALSE(pair.client.connection.may_open());
  pair.server.connection.shut_down();
  pair.answer(0, 200, {Framing::kLength, 0}, {}, true);
  pair.run();
  EXPECT_TRUE(pair.server.connection.over());
  EXPECT_TRUE(pair.client.connection.over());
}

TEST(H2Exchange, RefusedStreams) {
  Pair pair;
  pair.server.refuse = true;
  End::Exchange& ask = pair.ask("GET", {});
  EXPECT_EQ(ask.code, H2Code::kRefusedStream);
  EXPECT_EQ(pair.client.log, "closed 1 7\n");
}

TEST(H2Exchange, AResetBeforeTheHeadIsWrittenSendsNothing) {
  Pair pair;
  pair.run();
  End::Exchange& exchange = pair.client.make();
  exchange.own_request.method_text = "GET";
  exchange.own_request.authority = "h";
  exchange.own_request.target = "/";
  ASSERT_TRUE(pair.client.connection.send_request(exchange, exchange.own_request, false, true));
  pair.client.connection.reset(exchange, H2Code::kCancel);
  pair.run();
  EXPECT_TRUE(exchange.closed);
  EXPECT_FALSE(exchange.opened);
  EXPECT_EQ(pair.server.log, "");
}

TEST(H2Exchange, WebSocket) {
  Pair pair;
  End::Exchange& exchange = pair.client.make();
  RequestHead& head = exchange.own_request;
  pair.run();
  EXPECT_TRUE(pair.client.connection.peer_takes_connect());
  head.method_text = "GET";
  head.authority = "h";
  head.target = "/chat";
  head.upgrade_websocket = true;
  head.headers.add(exchange.own_arena, HeaderId::kOther, "Sec-WebSocket-Key", "k");
  head.headers.add(exchange.own_arena, HeaderId::kOther, "Sec-WebSocket-Version", "13");
  ASSERT_TRUE(pair.client.connection.send_request(exchange, head, false, true));
  pair.run();
  EXPECT_EQ(pair.server.log, "head 1 GET h/chat sec-websocket-version=13 host=h\n");
  EXPECT_TRUE(pair.server.stream(0).own_request.upgrade_websocket);
  pair.answer(0, 101, {}, {{"Sec-WebSocket-Accept", "a"}, {"Sec-WebSocket-Protocol", "p"}});
  pair.server.connection.send_data(pair.server.stream(0), "hi");
  pair.client.connection.send_data(exchange, "ho");
  pair.run();
  EXPECT_EQ(pair.client.log, "head 1 101 sec-websocket-protocol=p\ndata 1 hi\n");
  EXPECT_NE(pair.server.log.find("data 1 ho"), std::string::npos);
}

TEST(H2Exchange, AllocatesNothingFromTheHeapOnceWarm) {
  Pair pair;
  const auto one = [&] {
    pair.ask("GET", {{"x", "y"}});
    pair.answer(0, 200, {Framing::kLength, 3}, {{"server", "s"}});
    pair.server.connection.send_data(pair.server.stream(0), "abc");
    pair.server.connection.send_end(pair.server.stream(0), nullptr);
    pair.run();
    pair.server.streams.clear();
    pair.client.streams.clear();
  };
  for (int i = 0; i < 10; ++i) one();
  const size_t blocks = pair.server.memory.in_use();
  const size_t fresh = pair.server.memory.fresh_slabs();
  for (int i = 0; i < 1000; ++i) one();
  EXPECT_EQ(pair.server.memory.in_use(), blocks);
  EXPECT_EQ(pair.server.memory.fresh_slabs(), fresh);
  EXPECT_LE(pair.client.memory.in_use(), blocks + 10);
}

}  // namespace
}  // namespace flagmesh::http
