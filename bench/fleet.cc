// bench_fleet: as many routers' sources of state as asked for, with the real client code, in one process:
// each has its two connections to Redis, verifies every head, keeps its own copy.
//
//   --redis PORT --origin ORIGIN --key VERIFIER-KEY --count N
//
// Prints "ready" when all are connected. Then for every line on standard input one line of JSON:
// {"connected": how many, "lowest": epoch, "highest": epoch, "refused": in all}. Ends with standard
// input.
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/tool.h"
#include "control/redis/carrier_state_source.h"
#include "control/redis/redis_carrier.h"
#include "control/snapshot/acceptance.h"
#include "merkle/signature_key.h"
#include "proxy/event/loop.h"
#include "proxy/net/io_context.h"

namespace flagmesh::bench {
namespace {

using snapshot::Acceptance;

class Fleet {
 public:
  Fleet(event::Loop& loop, const Options& options) : io_(loop) {
    snapshot::TrustRules rules;
    rules.origin = options.text("origin", "bench.example/flags");
    auto key = merkle::VerifierKey::parse(options.text("key", ""));
    if (!key) die(key.error().text());
    rules.engine_keys = {*key};
    redis::ClientOptions client;
    client.place = {"127.0.0.1", static_cast<uint16_t>(options.number("redis", 6379))};
    for (uint64_t i = 0; i < options.number("count", 200); i++) {
      auto acceptance = Acceptance::create(rules, "default");
      if (!acceptance) die(acceptance.error().text());
      auto& source = sources_.emplace_back(std::make_unique<redis::CarrierStateSource>(
          loop, std::make_unique<redis::RedisCarrier>(io_, client, "flagmesh"),
          std::move(*acceptance)));
      if (!source->start([at = source.get()](const snapshot::AcceptedState& state) {
            at->enforced(state.trust.epoch);
          })) {
        die("a source does not start");
      }
    }
  }

  bool all_connected() const {
    for (const auto& source : sources_) {
      if (!source->status().view().connected) return false;
    }
    return true;
  }

  void print() const {
    uint64_t connected = 0, lowest = UINT64_MAX, highest = 0, refused = 0;
    for (const auto& source : sources_) {
      const auto view = source->status().view();
      connected += view.connected ? 1 : 0;
      lowest = std::min(lowest, view.epoch);
      highest = std::max(highest, view.epoch);
      for (const auto& [code, count] : view.refused) refused += count;
    }
    printf("{\"connected\": %llu, \"lowest\": %llu, \"highest\": %llu, \"refused\": %llu}\n",
           static_cast<unsigned long long>(connected), static_cast<unsigned long long>(lowest),
           static_cast<unsigned long long>(highest), static_cast<unsigned long long>(refused));
    fflush(stdout);
  }

 private:
  net::IoContext io_;
  std::vector<std::unique_ptr<redis::CarrierStateSource>> sources_;
};

int run(const Options& options) {
  prepare_process();
  auto loop = event::Loop::create();
  if (!loop) die(loop.error().text());
  Fleet fleet(**loop, options);
  while (!fleet.all_connected()) (*loop)->run_once(20);
  puts("ready");
  fflush(stdout);
  std::thread asking([&] {
    std::string line;
    while (std::getline(std::cin, line)) (*loop)->post([&] { fleet.print(); });
    (*loop)->stop();
  });
  (*loop)->run();
  asking.join();
  return 0;
}

}  // namespace
}  // namespace flagmesh::bench

int main(int argc, char** argv) {
  return flagmesh::bench::run(
      flagmesh::bench::Options(argc, argv, {"redis", "origin", "key", "count"}, {}));
}
