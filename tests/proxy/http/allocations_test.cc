// DESIGN.md: a keep-alive request allocates nothing. This counts what the codec's part of one asks
// of the heap.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "proxy/http/cookie.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/http/query.h"

namespace {

size_t allocations = 0;  // of this program; the tests have one thread where it is read

}  // namespace

void* operator new(size_t bytes) {
  ++allocations;
  void* memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) abort();
  return memory;
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  free(memory);
}

namespace flagmesh::http {
namespace {

struct Exchange {
  BlockPool pool;
  Arena arena{pool};
  H1Limits limits;
  H1RequestDecoder from_client{limits};
  H1ResponseDecoder from_origin{limits};
  RequestHead request;
  ResponseHead response;
  HeaderList trailers;
  std::string_view data;
  Output out;

  void run_request() {
    std::string_view input =
        "POST //a/../%7euser?key=%20u HTTP/1.1\r\nHost: h\r\nCookie: a=b; id=c\r\nConnection: "
        "close, x-a\r\n"
        "X-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nDigest: d\r\n\r\n";
    H1Event event;
    do {
      event = from_client.next(input, arena, request, data, trailers);
      if (event == H1Event::kHead) {
        ASSERT_EQ(find_cookie(request.headers, "id").value, "c");
        ASSERT_EQ(find_query_parameter(request.query, "key", arena).value, " u");
        remove_hop_by_hop(request.headers);
        for (int i = 0; i < 12; ++i) request.headers.add(arena, HeaderId::kVia, "1.1 flagmesh");
        encode_request(request, "", out);
      }
      if (event == H1Event::kData) encode_data(Framing::kChunked, data, out);
    } while (event != H1Event::kEnd);
    encode_end(Framing::kChunked, &trailers, out);
  }

  void run_response() {
    std::string_view input = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\nok";
    from_origin.expect(Method::kPost, false);
    H1Event event;
    do {
      event = from_origin.next(input, arena, response, data, trailers);
      if (event == H1Event::kHead) encode_response(response, "", false, out);
      if (event == H1Event::kData) encode_data(Framing::kLength, data, out);
    } while (event != H1Event::kEnd);
  }
};

TEST(Allocations, NoneForAKeepAliveRequest) {
  Exchange exchange;
  size_t after_warm_up = 0;
  for (int i = 0; i < 100; ++i) {
    exchange.run_request();
    exchange.run_response();
    exchange.out.clear();
    exchange.arena.reset();
    if (i == 1) after_warm_up = allocations;
  }
  EXPECT_EQ(allocations, after_warm_up);
  EXPECT_GT(allocations, 0u);
}

}  // namespace
}  // namespace flagmesh::http
