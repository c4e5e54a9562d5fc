#include "control/flags/canonical_flag.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"

namespace flagmesh::flags {
namespace {

constexpr std::string_view kFlag =
    R"({"bucketing":"flagd-v2","defaultVariant":"off","key":"c","metadata":{"a":1},"state":"ENABLED",)"
    R"("targeting":{"fractional":[["on",25],["off",75]]},"tenant":"t","variants":{"off":false,"on":true}})";

TEST(CanonicalFlag, ReadsBackWhatItWrites) {
  const auto flag = parse_canonical_flag(kFlag);
  ASSERT_TRUE(flag) << flag.error().text();
  EXPECT_EQ(canonical_flag(*flag), kFlag);
  EXPECT_EQ(flag->tenant, "t");
  EXPECT_EQ(flag->key, "c");
  EXPECT_EQ(flag->default_variant, "off");
  EXPECT_EQ(flag->variants.size(), 2U);
}

TEST(CanonicalFlag, EmptyPartsAreLeftOut) {
  FlagDefinition flag{.tenant = "t", .key = "k", .variants = {{"x", 1}}, .default_variant = {}};
  const std::string minimal =
      R"({"bucketing":"flagd-v2","key":"k","state":"ENABLED","tenant":"t","variants":{"x":1}})";
  EXPECT_EQ(canonical_flag(flag), minimal);
  flag.targeting = JsonValue(JsonValue::Object{});
  flag.metadata = JsonValue(JsonValue::Object{});
  EXPECT_EQ(canonical_flag(flag), minimal);
  EXPECT_TRUE(parse_canonical_flag(minimal));
}

TEST(CanonicalFlag, RefusesEveryOtherForm) {
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text(kFlag);
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  for (const std::string& text : {
           std::string(),
           std::string("[]"),
           std::string("{}"),
           std::string(kFlag) + " ",
           with("\"key\":", "\"key\": "),
           with("\"c\"", "\"\\u0063\""),
           with("25", "25.0"),
           with("\"off\":false,\"on\":true", "\"on\":true,\"off\":false"),
           with("flagd-v2", "flagd-v3"),
           with("ENABLED", "enabled"),
           with("\"metadata\":{\"a\":1},", "\"metadata\":{},"),
           with("\"metadata\":{\"a\":1},", "\"metadata\":3,"),
           with("\"key\":\"c\",", ""),
           with("\"defaultVariant\":\"off\"", "\"defaultVariant\":\"x\""),
           with("\"defaultVariant\":\"off\"", "\"defaultVariant\":null"),
           with("\"tenant\":\"t\",", "\"tenant\":\"t\",\"tenant\":\"t\","),
           with("\"key\"", "\"kez\""),
           with("\"on\":true", "\"on\":null"),
           with("\"key\":\"c\"", "\"key\":\"\""),
       }) {
    const auto flag = parse_canonical_flag(text);
    ASSERT_FALSE(flag) << text;
    EXPECT_EQ(flag.error().code, "bad_flag");
  }
}

TEST(CanonicalFlag, FlagdFormIsWhatAFlagFileHas) {
  const auto flag = parse_canonical_flag(kFlag);
  EXPECT_EQ(
      canonical_json(flagd_form(*flag)),
      R"({"defaultVariant":"off","metadata":{"a":1},"state":"ENABLED","targeting":{"fractional":[["on",25],["off",75]]},"variants":{"off":false,"on":true}})");
}

TEST(CanonicalFlagSetMetadata, IsALeafOfItsOwn) {
  FlagSet set{.tenant = "t", .flags = {}, .metadata = {}, .evaluators = {}};
  EXPECT_EQ(canonical_flag_set_metadata(set), "");
  set.metadata = JsonValue(JsonValue::Object{{"b", 1}, {"a", "x"}});
  const std::string leaf = canonical_flag_set_metadata(set);
  EXPECT_EQ(leaf, R"({"metadata":{"a":"x","b":1},"tenant":"t"})");
  EXPECT_EQ(*parse_canonical_flag_set_metadata(leaf, "t"), set.metadata);
  EXPECT_FALSE(parse_canonical_flag_set_metadata(leaf, "u"));
  EXPECT_FALSE(parse_canonical_flag_set_metadata(leaf + " ", "t"));
  EXPECT_FALSE(parse_canonical_flag_set_metadata(R"({"metadata":{},"tenant":"t"})", "t"));
}

}  // namespace
}  // namespace flagmesh::flags
