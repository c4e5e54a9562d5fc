// bench_load: requests to 127.0.0.1:PORT over C connections, every response checked (status,
// Content-Length, body).
//
//   --port P --connections C --path /bytes/128     what to ask for; --upload N sends N bytes of the
//   pattern by POST
//   --seconds S | --requests N                     how long to measure (default 2 seconds)
//   --warm-seconds S                               before that, not counted (default 0)
//   --rate R                                       open loop: R requests a second, latency from the
//   intended start;
//                                                  without it a closed loop: every connection asks
//                                                  again at once
//   --connection-per-request                       `Connection: close`, a new connection for each
//   request
//   --users K                                      K different x-user-id fields in turn (default
//   4096, 0: no field)
//   --header "Name: value"                         one more field
//   --tls                                          TLS 1.3, AES-128-GCM; the certificate is believed
//   --http2 --streams N                            HTTP/2 with N requests at a time on each
//   connection (default 32);
//                                                  GET in a closed loop only
//   --step                                         print "ready" after the warm-up and wait for a
//   line; print the
//                                                  result and keep the connections open until
//                                                  standard input ends
//
// Each connection makes one request before the warm-up, at most 64 of them at once. With --seconds
// 0 that is all: the connections then stay idle. The result is one line of JSON; the exit code is 1
// when a request failed.
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "bench/h2_load_run.h"
#include "bench/load_run.h"
#include "bench/tool.h"

namespace {

using flagmesh::bench::LoadResult;

void print_result(const LoadResult& result) {
  const auto us = [&](double q) { return result.latency.quantile(q) / 1000; };
  const double seconds = static_cast<double>(result.duration_ns) / 1e9;
  printf(
      "{\"requests\": %llu, \"errors\": %llu, \"first_error\": \"%s\", \"reconnects\": %llu, "
      "\"seconds\": %.6f, "
      "\"rps\": %.1f, \"p50_us\": %.2f, \"p90_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, "
      "\"max_us\": %.2f}\n",
      static_cast<unsigned long long>(result.latency.total()),
      static_cast<unsigned long long>(result.errors), result.first_error.c_str(),
      static_cast<unsigned long long>(result.reconnects), seconds,
      seconds > 0 ? static_cast<double>(result.latency.total()) / seconds : 0, us(0.5), us(0.9),
      us(0.99), us(0.999), us(1));
  fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace flagmesh::bench;
  prepare_process();
  const Options options(argc, argv,
                        {"port", "connections", "path", "upload", "seconds", "requests",
                         "warm-seconds", "rate", "users", "header", "streams"},
                        {"connection-per-request", "step", "tls", "http2"});
  LoadPlan plan;
  plan.port = static_cast<uint16_t>(options.number("port", 9071));
  plan.connections = options.number("connections", 64);
  plan.path = options.text("path", "/bytes/128");
  plan.upload = options.number("upload", 0);
  plan.users = options.number("users", 4096);
  plan.header = options.text("header", "");
  plan.connection_per_request = options.has("connection-per-request");
  plan.tls = options.has("tls");
  plan.http2 = options.has("http2");
  plan.streams = options.number("streams", 32);
  std::unique_ptr<Load> load;
  if (plan.http2) {
    load = std::make_unique<H2LoadRun>(plan);
  } else {
    load = std::make_unique<LoadRun>(plan);
  }
  Load& run = *load;
  const auto nanoseconds = [&](const char* name, const char* fallback) {
    return static_cast<int64_t>(std::stod(options.text(name, fallback)) * 1e9);
  };

  run.connect_all();
  run.measure({.nanoseconds = nanoseconds("warm-seconds", "0")});
  std::string line;
  if (options.has("step")) {
    puts("ready");
    fflush(stdout);
    std::getline(std::cin, line);
  }
  const LoadResult result = run.measure({.nanoseconds = nanoseconds("seconds", "2"),
                                         .requests = options.number("requests", 0),
                                         .rate = options.number("rate", 0)});
  print_result(result);
  while (options.has("step") && std::getline(std::cin, line)) {
  }
  return result.errors == 0 ? 0 : 1;
}
