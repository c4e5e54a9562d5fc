#include "proxy/http/h1_encoder.h"

#include <gtest/gtest.h>

#include "proxy/http/h1_decoder.h"

namespace flagmesh::http {
namespace {

std::string text_of(const Output& out) {
  std::string text;
  out.rest(0, [&](std::string_view piece) { text += piece; });
  return text;
}

struct Decoded {
  BlockPool pool;
  Arena arena{pool};
  H1Limits limits;
  RequestHead request;
  ResponseHead response;
  std::string_view data;
  HeaderList trailers;

  void decode_request(std::string_view text) {
    H1RequestDecoder decoder(limits);
    ASSERT_EQ(decoder.next(text, arena, request, data, trailers), H1Event::kHead);
  }
  void decode_response(std::string_view text, Method method = Method::kGet, bool upgrade = false) {
    H1ResponseDecoder decoder(limits);
    decoder.expect(method, upgrade);
    ASSERT_EQ(decoder.next(text, arena, response, data, trailers), H1Event::kHead);
  }
};

TEST(H1Encoder, WritesHostFirstAndFramingItself) {
  Decoded d;
  d.decode_request(
      "POST /a?b HTTP/1.0\r\nA: 1\r\nhost: x.y\r\nB:2\r\nConnection: close\r\nContent-Length: 5, "
      "5\r\n"
      "C:  3 \r\nD: \r\nE: 4\r\nF: 5\r\n\r\n");
  d.request.headers.remove("f");
  d.request.headers.add(d.arena, HeaderId::kVia, "1.0 me");
  Output out;
  encode_request(d.request, "", out);
  EXPECT_EQ(
      text_of(out),
      "POST /a?b HTTP/1.1\r\nHost: x.y\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: \r\nE: 4\r\nvia: 1.0 me\r\n"
      "Content-Length: 5\r\n\r\n");
}

TEST(H1Encoder, AbsoluteFormReplacesHost) {
  Decoded d;
  d.decode_request("GET http://a.b:80 HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n");
  Output out;
  encode_request(d.request, "close", out);
  EXPECT_EQ(text_of(out), "GET / HTTP/1.1\r\nHost: a.b:80\r\nX: y\r\nConnection: close\r\n\r\n");
}

TEST(H1Encoder, ValueReplacedAfterDecoding) {
  Decoded d;
  d.decode_request("GET / HTTP/1.1\r\nHost: h\r\nA: 111\r\nB: 222\r\nC: 333\r\n\r\n");
  for (Field& field : d.request.headers) {
    if (field.name == "A") field.value = field.value.substr(0, 1);
    if (field.name == "B") field.value = "new";
  }
  Output out;
  encode_request(d.request, "", out);
  EXPECT_EQ(text_of(out), "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: new\r\nC: 333\r\n\r\n");
}

TEST(H1Encoder, UpgradeBothWays) {
  Decoded d;
  d.decode_request(
      "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
      "Sec-WebSocket-Key: k\r\n\r\n");
  EXPECT_TRUE(d.request.upgrade_websocket);
  Output out;
  encode_request(d.request, "upgrade", out);
  EXPECT_EQ(
      text_of(out),
      "GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\nConnection: upgrade\r\nUpgrade: "
      "websocket\r\n\r\n");
  d.decode_response(
      "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\nA: b\r\n\r\n",
      Method::kGet, true);
  out.clear();
  encode_response(d.response, "upgrade", false, out);
  EXPECT_EQ(text_of(out),
            "HTTP/1.1 101 Switching\r\nA: b\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(H1Encoder, HeadAnswerKeepsItsLength) {
  Decoded d;
  d.decode_response("HTTP/1.1 200 OK\r\nContent-Length: 77\r\nA: b\r\n\r\n", Method::kHead);
  Output out;
  encode_response(d.response, "", true, out);
  EXPECT_EQ(text_of(out), "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 77\r\n\r\n");
  out.clear();
  encode_response(d.response, "", false, out);
  EXPECT_EQ(text_of(out), "HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
}

TEST(H1Encoder, BodiesInEveryFraming) {
  Decoded d;
  const std::string large(70000, 'x');
  Output out;
  encode_data(Framing::kChunked, "", out);
  encode_data(Framing::kChunked, "hello world, hello", out);
  encode_data(Framing::kChunked, large, out);
  encode_end(Framing::kChunked, nullptr, out);
  EXPECT_EQ(text_of(out), "12\r\nhello world, hello\r\n11170\r\n" + large + "\r\n0\r\n\r\n");
  out.clear();
  encode_data(Framing::kLength, "abc", out);
  encode_end(Framing::kLength, nullptr, out);
  EXPECT_EQ(text_of(out), "abc");
  out.clear();
  HeaderList trailers;
  trailers.add(d.arena, HeaderId::kOther, "Digest", "d");
  trailers.add(d.arena, HeaderId::kContentLength, "5");
  encode_end(Framing::kChunked, &trailers, out);
  EXPECT_EQ(text_of(out), "0\r\nDigest: d\r\n\r\n");
}

}  // namespace
}  // namespace flagmesh::http
