// Flag evaluation: what a request pays, and what arrives with a change. Limits are in DESIGN.md
// ("Numbers to hold").
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "control/flags/canonical_flag.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/parse.h"

namespace {
std::atomic<uint64_t> allocations{0};
}

// Not inlined: the compiler would take malloc and delete for a mismatched pair.
[[gnu::noinline]] void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace flagmesh::flags {
namespace {

class RequestContext final : public EvaluationContext {
 public:
  std::optional<std::string_view> targeting_key() const noexcept override { return key; }
  ContextValue lookup(const ContextPath& path) const noexcept override {
    if (path.head() == "header" && path.tail() == "x-user-email")
      return std::string_view("someone@company.com");
    if (path.text == "path") return std::string_view("/checkout/cart");
    return {};
  }
  int64_t unix_seconds() const noexcept override { return 1'700'000'000; }

  std::string_view key = "5c3d8535-f81a-4478-a6d3-afaa4d51199e";
};

std::shared_ptr<const CompiledFlag> flag(const std::string& targeting) {
  const ParsedFlags parsed = parse_flag_file(
      "flags: {checkout: {state: ENABLED, variants: {on: true, off: false}, defaultVariant: off, "
      "targeting: " +
          targeting + "}}",
      "f.yaml", "default");
  return *CompiledFlag::compile(parsed.flags.flags.at(0));
}

void evaluate(benchmark::State& state, const std::string& targeting) {
  const auto compiled = flag(targeting);
  const RequestContext context;
  const uint64_t before = allocations.load();
  for (auto _ : state) benchmark::DoNotOptimize(compiled->evaluate(context));
  state.counters["allocations"] = static_cast<double>(allocations.load() - before);
}

void split(benchmark::State& state) {
  evaluate(state, "{fractional: [[on, 25], [off, 75]]}");
}
BENCHMARK(split);

void split_by_header(benchmark::State& state) {
  evaluate(state, "{fractional: [{var: header.x-user-email}, [on, 25], [off, 75]]}");
}
BENCHMARK(split_by_header);

void two_comparisons_and_split(benchmark::State& state) {
  evaluate(state,
           "{if: [{ends_with: [{var: header.x-user-email}, '@example.com']}, on, {if: [{'==': "
           "[{var: path}, /admin]}, off, {fractional: [[on, 25], [off, 75]]}]}]}");
}
BENCHMARK(two_comparisons_and_split);

void in_list(benchmark::State& state) {
  evaluate(
      state,
      "{if: [{in: [{var: header.x-user-email}, [a@b.c, d@e.f, someone@company.com]]}, on, off]}");
}
BENCHMARK(in_list);

std::string many_flags(int count) {
  std::string text = "{\"flags\":{";
  for (int i = 0; i < count; ++i) {
    text +=
        (i == 0 ? "\"f" : ",\"f") + std::to_string(i) +
        R"(":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"fractional":[["on",25],["off",75]]}})";
  }
  return text + "}}";
}

void load_flag_file(benchmark::State& state) {
  const std::string text = many_flags(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(parse_flag_file(text, "f.json", "default"));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(load_flag_file)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMillisecond);

void arrive(benchmark::State& state) {
  const ParsedFlags parsed = parse_flag_file(many_flags(1), "f.json", "default");
  const std::string canonical = canonical_flag(parsed.flags.flags.at(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(CompiledFlag::compile(*parse_canonical_flag(canonical)));
}
BENCHMARK(arrive);

}  // namespace
}  // namespace flagmesh::flags

BENCHMARK_MAIN();
