#include "control/flags/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"

namespace flagmesh::flags {
namespace {

using testing::HasSubstr;

std::string json_of(std::string_view yaml) {
  const auto value = read_yaml(yaml, "x.yaml");
  return value ? canonical_json(*value) : value.error().text();
}

TEST(Yaml, ReadsTheShapesOfAConfiguration) {
  EXPECT_EQ(
      json_of("a: on\n'b': \"on\"\non: 1\n1: [x, 0x10, true]\nd: {e: ~, f: '5'}\ng: |\n  two\n  "
              "lines\n"),
      R"({"1":["x",16,true],"a":"on","b":"on","d":{"e":null,"f":"5"},"g":"two\nlines\n","on":1})");
  EXPECT_EQ(json_of(""), "null");
  EXPECT_EQ(json_of("# only a comment\n"), "null");
  EXPECT_EQ(json_of("\xEF\xBB\xBF"
                    "a: 1"),
            "{\"a\":1}");
  EXPECT_EQ(json_of(R"({"a": [1, "b", null], "c":{"d":1.5}})"),
            R"({"a":[1,"b",null],"c":{"d":1.5}})");
  EXPECT_EQ(json_of("base: &b {x: 1}\nuse: [*b, *b]\n"),
            R"({"base":{"x":1},"use":[{"x":1},{"x":1}]})");
}

struct Refused {
  std::string text;
  uint32_t line;
  uint32_t column;
  const char* message;
};

TEST(Yaml, RefusesWithTheRightPlace) {
  using namespace std::string_literals;
  const std::vector<Refused> table = {
      {"a: 1\nb: 2\na: 3\n", 3, 1, "'a' appears twice"},
      {"a:\n  on: 1\n  on: 2\n", 3, 3, "'on' appears twice"},
      {"a: 1\n---\nb: 2\n", 2, 1, "second document"},
      {"a: [1, 2\n", 2, 1, ""},
      {"a: .inf\n", 1, 4, "JSON"},
      {"a: 9007199254740993\n", 1, 4, "2^53"},
      {"a: !mine 5\n", 1, 4, "unknown tag"},
      {"a: *nowhere\n", 1, 4, "anchor"},
      {"a: &x [*x]\n", 1, 8, "alias inside"},
      {"[1, 2]: a\n", 1, 1, "name"},
      {"~: a\n", 1, 1, "name is null"},
      {"a: \"\\0\"\n", 1, 4, "NUL"},
      {"a: \x01\n", 1, 4, "control character"},
      {"a: \xFF\n", 1, 4, "UTF-8"},
      {"a\tb: c\n\t- d", 2, 1, ""},
  };
  for (const Refused& r : table) {
    const auto value = read_yaml(r.text, "x.yaml");
    ASSERT_FALSE(value) << r.text << canonical_json(*value);
    EXPECT_EQ(value.error().line, r.line) << r.text << value.error().text();
    EXPECT_EQ(value.error().column, r.column) << r.text << value.error().text();
    EXPECT_THAT(value.error().message, HasSubstr(r.message)) << r.text;
  }
}

TEST(Yaml, MarksWhereValuesAndNamesStand) {
  const auto value = read_yaml("a:\n  - x\n  - b: 2\n", "x.yaml");
  ASSERT_TRUE(value);
  const JsonValue& item = value->find("a")->array()[1];
  EXPECT_EQ(item.object()[0].mark.line, 3U);
  EXPECT_EQ(item.object()[0].mark.column, 5U);
  EXPECT_EQ(item.find("b")->mark().column, 8U);
}

TEST(Yaml, AnAliasBombCostsNothing) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_THAT(json_of(bomb), HasSubstr("aliases repeat more than"));
  std::string wide = "a: &a " + std::string(1'000'000, 'x') + "\nb:\n";
  for (int i = 0; i < 10'000; ++i) wide += "  - *a\n";
  EXPECT_THAT(json_of(wide), HasSubstr("aliases repeat more than"));
}

TEST(Yaml, DepthIsBoundedThroughAliasesToo) {
  EXPECT_THAT(json_of(std::string(200, '[') + std::string(200, ']')), HasSubstr("nested deeper"));
  EXPECT_FALSE(read_yaml(std::string(100'000, '['), "x.yaml"));
  EXPECT_FALSE(read_yaml(std::string(100'000, '{'), "x.yaml"));
  std::string chain = "l0: &l0 [" + std::string(60, '[') + std::string(60, ']') + "]\n";
  for (int i = 1; i < 4; ++i) {
    const std::string name = "l" + std::to_string(i);
    chain += name + ": &" + name + " " + std::string(40, '[') + "*l" + std::to_string(i - 1) +
             std::string(40, ']') + "\n";
  }
  EXPECT_THAT(json_of(chain), HasSubstr("nested deeper"));
}

TEST(Yaml, NodesAreBounded) {
  EXPECT_TRUE(read_yaml("[1, 2]", "x.yaml", {.nodes = 3}));
  EXPECT_FALSE(read_yaml("[1, 2, 3]", "x.yaml", {.nodes = 3}));
  EXPECT_FALSE(read_yaml("[1, 2, 3]", "x.yaml", {.bytes = 8}));
}

TEST(Yaml, AFileNamedJsonIsStrict) {
  EXPECT_TRUE(read_document("{a: 1}", "x.yaml"));
  EXPECT_FALSE(read_document("{a: 1}", "x.json"));
  EXPECT_TRUE(read_document("{\"a\": 1}", "x.json"));
}

}  // namespace
}  // namespace flagmesh::flags
