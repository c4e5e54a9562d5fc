#include "proxy/http/h1_decoder.h"

#include <gtest/gtest.h>

#include <string>

namespace flagmesh::http {
namespace {

struct Request {
  BlockPool pool;
  Arena arena{pool};
  H1Limits limits;
  H1RequestDecoder decoder{limits};
  RequestHead head;
  HeaderList trailers;
  std::string_view data;

  H1Event next(std::string_view& input) { return decoder.next(input, arena, head, data, trailers); }
};

TEST(H1RequestDecoder, HeadDoesNotPointIntoTheInput) {
  Request r;
  std::string text = "GET http://a.b/c?d HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
  std::string_view input = text;
  ASSERT_EQ(r.next(input), H1Event::kHead);
  text.assign(text.size(), '-');
  EXPECT_EQ(r.head.method_text, "GET");
  EXPECT_EQ(r.head.scheme, "http");
  EXPECT_EQ(r.head.authority, "a.b");
  EXPECT_EQ(r.head.target, "/c?d");
  EXPECT_EQ(r.head.path, "/c");
  EXPECT_EQ(r.head.query, "d");
  EXPECT_EQ(r.head.headers.value(HeaderId::kHost), "x");
  EXPECT_EQ(r.head.headers.find("a")->value, "b");
}

TEST(H1RequestDecoder, IncompleteHeadIsLeftWithTheCaller) {
  Request r;
  std::string_view input = "GET / HTTP/1.1\r\nHost";
  EXPECT_TRUE(r.decoder.idle());
  EXPECT_EQ(r.next(input), H1Event::kNeedMore);
  EXPECT_EQ(input, "GET / HTTP/1.1\r\nHost");
  EXPECT_FALSE(r.decoder.idle());
  input = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(r.next(input), H1Event::kHead);
  EXPECT_FALSE(r.decoder.idle());
  EXPECT_EQ(r.next(input), H1Event::kEnd);
  EXPECT_TRUE(r.decoder.idle());
}

TEST(H1RequestDecoder, IdleBehindAnEmptyLine) {
  Request r;
  std::string_view input = "\r";
  EXPECT_EQ(r.next(input), H1Event::kNeedMore);
  EXPECT_FALSE(r.decoder.idle());
  input = "\r\n";
  EXPECT_EQ(r.next(input), H1Event::kNeedMore);
  EXPECT_TRUE(input.empty());
  EXPECT_TRUE(r.decoder.idle());
}

TEST(H1RequestDecoder, StaysInError) {
  Request r;
  std::string_view input = "GET / HTTP/2.0\r\n";
  EXPECT_EQ(r.next(input), H1Event::kError);
  input = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(r.next(input), H1Event::kError);
  EXPECT_EQ(r.decoder.error(), H1Error::kUnsupportedVersion);
}

TEST(H1RequestDecoder, NothingOfAnEarlierHeadStays) {
  Request r;
  std::string_view input =
      "GET http://a/?q HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nVia: v\r\nContent-Length: "
      "0\r\nConnection: close\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: y\r\n\r\n";
  ASSERT_EQ(r.next(input), H1Event::kHead);
  ASSERT_EQ(r.next(input), H1Event::kEnd);
  ASSERT_EQ(r.next(input), H1Event::kHead);
  EXPECT_EQ(r.head.authority, "y");
  EXPECT_EQ(r.head.scheme, "");
  EXPECT_EQ(r.head.query, "");
  EXPECT_FALSE(r.head.expect_continue);
  EXPECT_TRUE(r.head.keep_alive);
  EXPECT_EQ(r.head.body.kind, Framing::kNone);
  EXPECT_FALSE(r.head.headers.has(HeaderId::kVia));
  EXPECT_EQ(r.head.headers.size(), 1u);
}

TEST(H1RequestDecoder, NormalisationCanBeOff) {
  Request r;
  r.limits.normalize_path = false;
  std::string_view input = "GET //a/../%41 HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(r.next(input), H1Event::kHead);
  EXPECT_EQ(r.head.target, "//a/../%41");
}

// After the first message a connection's blocks are in the pool; DESIGN.md: a keep-alive request
// allocates nothing.
TEST(H1RequestDecoder, TakesItsMemoryFromThePool) {
  Request r;
  const void* first = nullptr;
  for (int i = 0; i < 3; ++i) {
    std::string_view input = "GET /a/../b HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
    ASSERT_EQ(r.next(input), H1Event::kHead);
    ASSERT_EQ(r.next(input), H1Event::kEnd);
    const void* table = r.head.headers.begin();
    if (i == 0) first = table;
    EXPECT_EQ(table, first);
    r.arena.reset();
  }
}

struct Response {
  BlockPool pool;
  Arena arena{pool};
  H1Limits limits;
  H1ResponseDecoder decoder{limits};
  ResponseHead head;
  HeaderList trailers;
  std::string_view data;

  H1Event next(std::string_view& input) { return decoder.next(input, arena, head, data, trailers); }
};

TEST(H1ResponseDecoder, OneAnswerAfterAnother) {
  Response r;
  std::string_view input =
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx";
  r.decoder.expect(Method::kHead, false);
  ASSERT_EQ(r.next(input), H1Event::kHead);
  EXPECT_EQ(r.head.reason, "OK");
  ASSERT_EQ(r.next(input), H1Event::kEnd);
  r.decoder.expect(Method::kGet, false);
  ASSERT_EQ(r.next(input), H1Event::kHead);
  EXPECT_EQ(r.head.status, 404);
  ASSERT_EQ(r.next(input), H1Event::kData);
  ASSERT_EQ(r.next(input), H1Event::kEnd);
}

TEST(H1ResponseDecoder, InterimAnswersAreCountedPerRequest) {
  Response r;
  for (int request = 0; request < 3; ++request) {
    r.decoder.expect(Method::kGet, false);
    for (int i = 0; i < H1ResponseDecoder::kMaxInterim; ++i) {
      std::string_view input = "HTTP/1.1 102 P\r\n\r\n";
      ASSERT_EQ(r.next(input), H1Event::kInterim);
    }
    std::string_view input = "HTTP/1.1 204 N\r\n\r\n";
    ASSERT_EQ(r.next(input), H1Event::kHead);
    ASSERT_EQ(r.next(input), H1Event::kEnd);
  }
}

TEST(H1ResponseDecoder, EofAfterAnError) {
  Response r;
  std::string_view input = "x\r\n";
  EXPECT_EQ(r.next(input), H1Event::kError);
  EXPECT_EQ(r.decoder.on_eof(), H1Event::kError);
  EXPECT_EQ(r.decoder.error(), H1Error::kBadStatusLine);
}

}  // namespace
}  // namespace flagmesh::http
