#include "control/flags/yaml_scalar.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"

namespace flagmesh::flags {
namespace {

TEST(YamlScalar, ResolvesAsTheCoreSchema) {
  const std::pair<const char*, const char*> table[] = {
      {"null", "null"},
      {"~", "null"},
      {"", "null"},
      {"NULL", "null"},
      {"nULL", "\"nULL\""},
      {"true", "true"},
      {"True", "true"},
      {"FALSE", "false"},
      {"tRue", "\"tRue\""},
      {"on", "\"on\""},
      {"off", "\"off\""},
      {"yes", "\"yes\""},
      {"no", "\"no\""},
      {"y", "\"y\""},
      {"On", "\"On\""},
      {"0", "0"},
      {"010", "10"},
      {"+12", "12"},
      {"-3", "-3"},
      {"0o14", "12"},
      {"0xFf", "255"},
      {"-0x1", "\"-0x1\""},
      {"0o8", "\"0o8\""},
      {"0x", "\"0x\""},
      {"1_000", "\"1_000\""},
      {"12:30", "\"12:30\""},
      {"1.5", "1.5"},
      {".5", "0.5"},
      {"5.", "5"},
      {"1e3", "1000"},
      {"1e", "\"1e\""},
      {".", "\".\""},
      {"-", "\"-\""},
      {"+.e1", "\"+.e1\""},
      {"1.2.3", "\"1.2.3\""},
      {"2001-01-01", "\"2001-01-01\""},
      {"<<", "\"<<\""},
  };
  for (const auto& [text, json] : table) {
    const auto value = resolve_plain_scalar(text, {});
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(canonical_json(*value), json) << text;
  }
  for (const char* text :
       {".inf", "-.Inf", ".nan", "9007199254740993", "0xffffffffffffffff", "1e999"}) {
    EXPECT_FALSE(resolve_plain_scalar(text, {})) << text;
  }
}

TEST(YamlScalar, TagsDecide) {
  const std::string core = "tag:yaml.org,2002:";
  EXPECT_EQ(resolve_tagged_scalar("!", "12", {})->string(), "12");
  EXPECT_EQ(resolve_tagged_scalar(core + "str", "true", {})->string(), "true");
  EXPECT_EQ(resolve_tagged_scalar(core + "int", "12", {})->number(), 12);
  EXPECT_EQ(resolve_tagged_scalar(core + "float", "1.5", {})->number(), 1.5);
  EXPECT_FALSE(resolve_tagged_scalar(core + "int", "1.5", {}));
  EXPECT_FALSE(resolve_tagged_scalar(core + "bool", "on", {}));
  EXPECT_FALSE(resolve_tagged_scalar(core + "binary", "aGk=", {}));
  EXPECT_FALSE(resolve_tagged_scalar("!mine", "x", {}));
}

}  // namespace
}  // namespace flagmesh::flags
