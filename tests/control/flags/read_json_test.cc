#include "control/flags/read_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"

namespace flagmesh::flags {
namespace {

using testing::HasSubstr;

struct Refused {
  std::string text;
  uint32_t line;
  uint32_t column;
  const char* message;
};

TEST(ReadJson, RefusesWithTheRightPlace) {
  using namespace std::string_literals;
  const std::vector<Refused> table = {
      {"", 1, 1, "empty"},
      {"{\"a\":1}\n x", 2, 2, "follow"},
      {"{\n  \"a\": 1,\n  \"a\": 2\n}", 3, 3, "'a' appears twice"},
      {"{\"a\":{\"x\":1,\"y\":1,\"x\":1}}", 1, 19, "'x' appears twice"},
      {"[\"a\\u0000b\"]", 1, 2, "NUL"},
      {"{\"a\\u0000\":1}", 1, 2, "NUL"},
      {"\"a\0b\""s, 1, 3, ""},
      {"[1,\n 9007199254740993]", 2, 2, "2^53"},
      {"[1e999]", 1, 2, "too big"},
      {"[\"\\ud800\"]", 1, 3, "surrogate"},
      {"[\"\\ude00\"]", 1, 2, "surrogate"},
      {"{\"\\ude00\":1}", 1, 2, "surrogate"},
      {"[\"\xC0\xAF\"]", 1, 3, "UTF-8"},
      {"[1,]", 1, 4, ""},
      {"// x\n1", 1, 1, ""},
      {"[01]", 1, 3, ""},
      {"[NaN]", 1, 2, ""},
      {"{a:1}", 1, 2, ""},
  };
  for (const Refused& r : table) {
    const auto value = read_json(r.text, "x.json");
    ASSERT_FALSE(value) << r.text;
    EXPECT_EQ(value.error().file, "x.json");
    EXPECT_EQ(value.error().line, r.line) << r.text << value.error().text();
    EXPECT_EQ(value.error().column, r.column) << r.text << value.error().text();
    EXPECT_THAT(value.error().message, HasSubstr(r.message)) << r.text;
  }
}

TEST(ReadJson, MarksWhereValuesAndNamesStand) {
  const auto value = read_json("{\n  \"a\" : [1,\n\t true],\n\"b\":{\"c\":null}}", "x.json");
  ASSERT_TRUE(value);
  const auto at = [](Mark mark) { return std::pair(mark.line, mark.column); };
  EXPECT_EQ(at(value->mark()), std::pair(1U, 1U));
  EXPECT_EQ(at(value->object()[0].mark), std::pair(2U, 3U));
  EXPECT_EQ(at(value->find("a")->mark()), std::pair(2U, 9U));
  EXPECT_EQ(at(value->find("a")->array()[1].mark()), std::pair(3U, 3U));
  EXPECT_EQ(at(value->object()[1].mark), std::pair(4U, 1U));
  EXPECT_EQ(at(value->find("b")->find("c")->mark()), std::pair(4U, 10U));
}

TEST(ReadJson, LimitsHold) {
  const ReadLimits limits{.bytes = 40, .depth = 3, .nodes = 5};
  EXPECT_TRUE(parse_json("[[[1]]]", limits));
  EXPECT_FALSE(parse_json("[[[[1]]]]", limits));
  EXPECT_TRUE(parse_json("[1,2,3,4]", limits));
  EXPECT_FALSE(parse_json("[1,2,3,4,5]", limits));
  EXPECT_FALSE(parse_json(std::string(41, ' '), limits));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
}

TEST(ReadJson, ErrorsOfTextsThatNobodyWroteHaveCodeAndPlace) {
  const auto value = parse_json("[1,\n}");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, "bad_json");
  EXPECT_EQ(value.error().place, "line 2, column 1");
}

TEST(ReadJson, ReadsEveryKindOfValue) {
  const auto value = parse_json(R"([null,true,false,-1.5e2,"é\u00e9\ud83d\ude00",[],{}])");
  ASSERT_TRUE(value);
  EXPECT_EQ(canonical_json(*value), "[null,true,false,-150,\"éé😀\",[],{}]");
}

}  // namespace
}  // namespace flagmesh::flags
