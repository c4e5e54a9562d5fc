#include "control/flags/coerce.h"

#include <gtest/gtest.h>

#include <cmath>

#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

struct Row {
  const char* json;
  bool truth;
  double number;  // NaN where JavaScript says NaN
  double prefix;
  const char* text;
};

TEST(Coerce, ConvertsAsJavaScriptDoes) {
  const double nan = std::nan("");
  const double inf = INFINITY;
  const Row table[] = {
      {"null", false, 0, nan, "null"},
      {"true", true, 1, nan, "true"},
      {"false", false, 0, nan, "false"},
      {"0", false, 0, 0, "0"},
      {"-1.5", true, -1.5, -1.5, "-1.5"},
      {"1e21", true, 1e21, 1e21, "1e+21"},
      {R"("")", false, 0, nan, ""},
      {R"("0")", true, 0, 0, "0"},
      {R"(" 12 ")", true, 12, 12, " 12 "},
      {R"("12px")", true, nan, 12, "12px"},
      {R"("-.5e1")", true, -5, -5, "-.5e1"},
      {R"("1e400")", true, inf, inf, "1e400"},
      {R"("0x1F")", true, 31, 0, "0x1F"},
      {R"("0xG")", true, nan, 0, "0xG"},
      {R"("-Infinity")", true, -inf, -inf, "-Infinity"},
      {R"("infinity")", true, nan, nan, "infinity"},
      {R"("+")", true, nan, nan, "+"},
      {"[]", false, 0, nan, ""},
      {"[7]", true, 7, 7, "7"},
      {R"([1,[2,null],"x"])", true, nan, 1, "1,2,,x"},
      {"{}", true, nan, nan, "[object Object]"},
  };
  for (const Row& row : table) {
    Arena arena;
    const JsonValue json = *parse_json(row.json);
    const Value value = Value::from(json);
    EXPECT_EQ(truthy(value), row.truth) << row.json;
    EXPECT_EQ(number_text(to_number(value, arena)), number_text(row.number)) << row.json;
    EXPECT_EQ(number_text(parse_float(value, arena)), number_text(row.prefix)) << row.json;
    EXPECT_EQ(to_text(value, arena), row.text) << row.json;
  }
}

TEST(Coerce, ATextThatDoesNotFitFillsTheArena) {
  const std::string half(Arena::kMaxBytes / 2, 'x');
  const JsonValue list(JsonValue::Array{half, half, half});
  Arena arena;
  to_text(Value::from(list), arena);
  EXPECT_TRUE(arena.full());
}

TEST(Arena, EveryAllocationIsItsOwn) {
  Arena arena;
  EXPECT_NE(arena.allocate<Value>(0), arena.allocate<Value>(0));
  EXPECT_NE(arena.allocate<char>(Arena::kInlineBytes), nullptr);
  EXPECT_FALSE(arena.full());
  EXPECT_EQ(arena.allocate<char>(Arena::kMaxBytes + 1), nullptr);
  EXPECT_TRUE(arena.full());
}

}  // namespace
}  // namespace flagmesh::flags
