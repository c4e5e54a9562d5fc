// What a request evaluates allocates nothing. Sanitizers bring their own allocator; there this is
// not counted.
#include <gtest/gtest.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <cstdlib>
#include <new>

#include "control/flags/compiled_flag.h"
#include "control/flags/parse.h"

namespace {
thread_local size_t allocations = 0;
}

[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
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

TEST(Allocation, SplitsAndComparisonsHaveNone) {
  for (const char* targeting : {
           "{fractional: [[on, 25], [off, 75]]}",
           "{fractional: [{var: email}, [on, 25], [off, 75]]}",
           "{if: [{'==': [{var: email}, a@company.com]}, on, off]}",
           "{if: [{in: [{var: email}, [x@y.z, a@company.com]]}, on, {fractional: [[on, 1], [off, "
           "1]]}]}",
           "{if: [{and: [{'>=': [{var: age}, 18]}, {ends_with: [{var: email}, '@company.com']}]}, "
           "on, null]}",
           "{if: [{sem_ver: [{var: version}, '^', 1.2.0]}, on, off]}",
           "{fractional: [{cat: [{var: $flagd.flagKey}, {var: email}]}, [on, {var: age}], [off, "
           "75]]}",
       }) {
    const ParsedFlags parsed = parse_flag_file(
        "flags: {f: {state: ENABLED, variants: {on: true, off: false}, defaultVariant: off, "
        "targeting: " +
            std::string(targeting) + "}}",
        "f.yaml", "t");
    const auto flag = *CompiledFlag::compile(parsed.flags.flags.at(0));
    const JsonValue object(JsonValue::Object{
        {"targetingKey", "user-1"}, {"email", "a@company.com"}, {"age", 20}, {"version", "1.3.0"}});
    const JsonContext context(object, 0);
    const size_t before = allocations;
    const Evaluation result = flag->evaluate(context);
    EXPECT_EQ(allocations, before) << targeting;
    EXPECT_NE(result.variant, nullptr) << targeting;
  }
}

}  // namespace
}  // namespace flagmesh::flags
#endif
