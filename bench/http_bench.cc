// What the codec costs: one message at a time, memory warm, as a worker sees it.
#include <benchmark/benchmark.h>

#include <string>

#include "proxy/http/cookie.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/http/path.h"
#include "proxy/http/query.h"

namespace flagmesh::http {
namespace {

// 200 bytes, 6 fields.
constexpr std::string_view kRequest =
    "GET /api/v1/items?limit=20 HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "User-Agent: bench/1.0 (linux)\r\n"
    "Accept: application/json\r\n"
    "Accept-Encoding: gzip, br\r\n"
    "Cookie: flagmesh_id=u-12345678901\r\n"
    "X-Trace: 00-4bf92f3577b34da6\r\n"
    "\r\n";

constexpr std::string_view kBrowserRequest =
    "GET /products/shoes/42?color=red&size=43&utm_source=newsletter HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "sec-ch-ua: \"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/128.0 "
    "Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Referer: https://shop.example.com/products\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; flagmesh_id=u-12345678901; theme=dark\r\n"
    "\r\n";

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Fri, 20 Nov 2026 21:45:00 GMT\r\n"
    "Server: origin\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 16\r\n"
    "Cache-Control: no-store\r\n"
    "\r\n"
    "{\"items\":[1,2]}\n";

// What a connection and its stream hold.
struct Side {
  BlockPool pool;
  Arena arena{pool};
  H1Limits limits;
  RequestHead request;
  ResponseHead response;
  HeaderList trailers;
  std::string_view data;
};

void decode_request(benchmark::State& state, std::string_view text) {
  Side s;
  H1RequestDecoder decoder(s.limits);
  for (auto _ : state) {
    std::string_view input = text;
    H1Event event = decoder.next(input, s.arena, s.request, s.data, s.trailers);
    benchmark::DoNotOptimize(event);
    event = decoder.next(input, s.arena, s.request, s.data, s.trailers);
    benchmark::DoNotOptimize(event);
    s.arena.reset();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK_CAPTURE(decode_request, six_fields, kRequest);
BENCHMARK_CAPTURE(decode_request, browser, kBrowserRequest);

void decode_response(benchmark::State& state) {
  Side s;
  H1ResponseDecoder decoder(s.limits);
  for (auto _ : state) {
    std::string_view input = kResponse;
    decoder.expect(Method::kGet, false);
    for (int i = 0; i < 3; ++i) {
      H1Event event = decoder.next(input, s.arena, s.response, s.data, s.trailers);
      benchmark::DoNotOptimize(event);
    }
    s.arena.reset();
  }
}
BENCHMARK(decode_response);

void encode_request(benchmark::State& state, std::string_view text) {
  Side s;
  H1RequestDecoder decoder(s.limits);
  decoder.next(text, s.arena, s.request, s.data, s.trailers);
  remove_hop_by_hop(s.request.headers);
  s.request.headers.add(s.arena, HeaderId::kVia, "1.1 flagmesh");
  Output out;
  for (auto _ : state) {
    encode_request(s.request, "", out);
    benchmark::DoNotOptimize(out.size());
    out.clear();
  }
}
BENCHMARK_CAPTURE(encode_request, six_fields, kRequest);
BENCHMARK_CAPTURE(encode_request, browser, kBrowserRequest);

void hop_by_hop(benchmark::State& state) {
  Side s;
  H1RequestDecoder decoder(s.limits);
  std::string_view text = kBrowserRequest;
  decoder.next(text, s.arena, s.request, s.data, s.trailers);
  for (auto _ : state) {
    remove_hop_by_hop(s.request.headers);
    benchmark::DoNotOptimize(s.request.headers.size());
  }
}
BENCHMARK(hop_by_hop);

void header_ids(benchmark::State& state) {
  constexpr std::array<std::string_view, 6> kNames{"Host",   "User-Agent", "Accept-Encoding",
                                                   "Cookie", "X-Trace",    "content-length"};
  for (auto _ : state) {
    for (const std::string_view& name : kNames) benchmark::DoNotOptimize(header_id(name));
  }
}
BENCHMARK(header_ids);

void find_values(benchmark::State& state) {
  Side s;
  H1RequestDecoder decoder(s.limits);
  std::string_view text = kBrowserRequest;
  decoder.next(text, s.arena, s.request, s.data, s.trailers);
  for (auto _ : state) {
    benchmark::DoNotOptimize(find_cookie(s.request.headers, "flagmesh_id"));
    benchmark::DoNotOptimize(find_query_parameter(s.request.query, "utm_source", s.arena));
  }
}
BENCHMARK(find_values);

void normalize(benchmark::State& state) {
  Side s;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        parse_target("/a/b/../%7euser//x/%e2%82%ac?q=1", Method::kGet, true, s.arena));
    s.arena.reset();
  }
}
BENCHMARK(normalize);

void decode_chunked(benchmark::State& state) {
  Side s;
  std::string text = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 16; ++i) text += "1000\r\n" + std::string(4096, 'x') + "\r\n";
  text += "0\r\n\r\n";
  H1RequestDecoder decoder(s.limits);
  for (auto _ : state) {
    std::string_view input = text;
    while (decoder.next(input, s.arena, s.request, s.data, s.trailers) != H1Event::kEnd) {
    }
    s.arena.reset();
  }
}
BENCHMARK(decode_chunked);

}  // namespace
}  // namespace flagmesh::http

BENCHMARK_MAIN();
