#include <gtest/gtest.h>

#include "control/flags/program.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

std::unique_ptr<const Program> program(std::string_view logic) {
  return std::move(*Program::compile(*parse_json(logic), "flag"));
}

TEST(Compile, LiteralsAreConstants) {
  EXPECT_EQ(program(R"([1,["a",{"x":1,"y":2}],{}])")->operations.size(), 1U);
  EXPECT_EQ(program(R"({"in":[{"var":"x"},["a","b","c"]]})")->operations.size(), 3U);
}

TEST(Compile, ConstantSplitsAreAddedUp) {
  const auto split = program(R"({"fractional":[{"var":"x"},["a",25],["b"],["c",-5],["d",4]]})");
  ASSERT_EQ(split->splits.size(), 1U);
  EXPECT_TRUE(split->splits[0].has_source);
  EXPECT_EQ(split->splits[0].total, 30U);
  ASSERT_EQ(split->splits[0].count, 4U);
  EXPECT_EQ(split->split_entries[split->splits[0].first + 1].end, 26U);
  EXPECT_EQ(split->split_entries[split->splits[0].first + 2].end, 26U);
  for (const char* computed :
       {R"({"fractional":[["a",{"var":"w"}]]})", R"({"fractional":[["a",1.5]]})",
        R"({"fractional":[["a",2147483647],["b",1]]})", R"({"fractional":"a"})",
        R"({"map":[[{}],{"fractional":[["a",1]]}]})"}) {
    EXPECT_TRUE(program(computed)->splits.empty()) << computed;
  }
}

TEST(Compile, DepthIsBoundedWithItsPlace) {
  std::string logic = "1";
  for (int i = 0; i < 110; ++i) logic = "{\"!\":\n" + logic + "}";
  const auto refused = Program::compile(*parse_json(logic, {.depth = 200}), "flag");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().line, 101U);
}

}  // namespace
}  // namespace flagmesh::flags
