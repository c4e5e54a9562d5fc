// Routing and the flag table: a request's route among 5,000, one changed flag among 100,000, and
// what 100,000 flags weigh.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <string>

#include "bench/sample_flags.h"
#include "control/flags/canonical_flag.h"
#include "control/snapshot/snapshot.h"

namespace flagmesh::snapshot {
namespace {

constexpr int kRoutes = 5'000;
constexpr int kFlags = 100'000;

using bench::flag_key;

std::shared_ptr<const FlagEntry> make_entry(int i, int on) {
  const flags::FlagDefinition flag = bench::sample_flag(i, on);
  auto compiled = flags::CompiledFlag::compile(flag);
  if (!compiled) std::abort();
  return std::make_shared<const FlagEntry>(
      FlagEntry{.flag = *compiled, .canonical_json = flags::canonical_flag(flag), .leaf = {}});
}

const FlagTable& all_flags() {
  static const FlagTable table = [] {
    std::vector<std::shared_ptr<const FlagEntry>> entries;
    for (int i = 0; i < kFlags; i++) entries.push_back(make_entry(i, 25));
    return FlagTable::from_entries(std::move(entries));
  }();
  return table;
}

// A hundred hosts with fifty paths each, every second one decided by a flag.
const Routing& all_routes() {
  static const Routing routing = [] {
    std::vector<Route> routes(kRoutes);
    for (int i = 0; i < kRoutes; i++) {
      Route& route = routes[static_cast<size_t>(i)];
      route.hosts = {"shop-" + std::to_string(i / 50) + ".example.com"};
      route.path = "/service-" + std::to_string(i % 50) + "/v1";
      route.container = 0;
      if (i % 2 == 1) continue;
      route.flag = flag_key(i);
      route.tenant = "default";
      route.serve = {{"on", 0}, {"off", 1}};
      route.fallback = 1;
    }
    return Routing{*RouteTable::build(std::move(routes)),
                   std::make_shared<const std::vector<ContainerSpec>>(2)};
  }();
  return routing;
}

void match_route(benchmark::State& state) {
  const RouteTable& routes = *all_routes().routes;
  std::vector<std::pair<std::string, std::string>> asked;
  for (int i = 0; i < 64; i++) {
    asked.emplace_back("Shop-" + std::to_string(i) + ".example.com:9071",
                       "/service-" + std::to_string(i * 7 % 50) + "/v1/items/" + std::to_string(i));
  }
  size_t i = 0;
  for (auto _ : state) {
    const auto& [host, path] = asked[i++ % asked.size()];
    const Route* route = routes.match({host, path, "GET"});
    if (route == nullptr) state.SkipWithError("no route");
    benchmark::DoNotOptimize(route);
  }
}
BENCHMARK(match_route);

void match_exact_any_host(benchmark::State& state) {
  std::vector<Route> list(kRoutes);
  for (int i = 0; i < kRoutes; i++) {
    list[static_cast<size_t>(i)].path = "/p" + std::to_string(i);
    list[static_cast<size_t>(i)].container = 0;
  }
  const auto routes = *RouteTable::build(std::move(list));
  for (auto _ : state) benchmark::DoNotOptimize(routes->match({"example.com", "/p4711", "GET"}));
}
BENCHMARK(match_exact_any_host);

void find_flag(benchmark::State& state) {
  const FlagTable& table = all_flags();
  std::vector<std::string> keys;
  for (int i = 0; i < 1024; i++) keys.push_back(flag_key(i * 97));
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(table.find("default", keys[i++ % keys.size()]));
}
BENCHMARK(find_flag);

void change_one_flag(benchmark::State& state) {
  FlagTable table = all_flags();
  const auto a = make_entry(4711, 30), b = make_entry(4711, 31);
  bool turn = false;
  for (auto _ : state) table = table.with((turn = !turn) ? a : b);
}
BENCHMARK(change_one_flag);

void derive_one_flag(benchmark::State& state) {
  const FlagTable& table = all_flags();
  auto snapshot = build_snapshot(1, all_routes(), table, {})->snapshot;
  const FlagTable a = table.with(make_entry(4710, 30)), b = table.with(make_entry(4710, 31));
  bool turn = false;
  for (auto _ : state)
    snapshot = derive_snapshot(2, *snapshot, (turn = !turn) ? a : b, {}).snapshot;
}
BENCHMARK(derive_one_flag)->Unit(benchmark::kMicrosecond);

void build_all(benchmark::State& state) {
  const FlagTable& table = all_flags();
  for (auto _ : state) benchmark::DoNotOptimize(build_snapshot(1, all_routes(), table, {}));
}
BENCHMARK(build_all)->Unit(benchmark::kMillisecond);

void memory_of_100000_flags(benchmark::State& state) {
  for (auto _ : state) {
    const size_t before = mallinfo2().uordblks;
    std::vector<std::shared_ptr<const FlagEntry>> entries;
    entries.reserve(kFlags);
    for (int i = 0; i < kFlags; i++) entries.push_back(make_entry(i, 25));
    const FlagTable table = FlagTable::from_entries(std::move(entries));
    state.counters["MiB"] = static_cast<double>(mallinfo2().uordblks - before) / (1024.0 * 1024.0);
    benchmark::DoNotOptimize(&table);
  }
}
BENCHMARK(memory_of_100000_flags)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace flagmesh::snapshot

BENCHMARK_MAIN();
