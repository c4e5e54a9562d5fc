#include "control/flags/json_value.h"

#include <gtest/gtest.h>

namespace flagmesh::flags {
namespace {

TEST(JsonValue, KnowsItsType) {
  EXPECT_TRUE(JsonValue().is_null());
  EXPECT_TRUE(JsonValue(true).is_bool());
  EXPECT_TRUE(JsonValue(1).is_number());
  EXPECT_TRUE(JsonValue("text").is_string());
  EXPECT_TRUE(JsonValue(JsonValue::Array{1, "a"}).is_array());
  EXPECT_TRUE(JsonValue(JsonValue::Object{{"a", 1}}).is_object());
  EXPECT_EQ(type_name(JsonValue(JsonValue::Object{}).type()), "object");
}

TEST(JsonValue, IntegersAreWholeAndExact) {
  EXPECT_EQ(JsonValue(25).integer(), 25);
  EXPECT_EQ(JsonValue(-9007199254740992.0).integer(), -9007199254740992);
  EXPECT_FALSE(JsonValue(0.5).integer());
  EXPECT_FALSE(JsonValue(1e17).integer());
  EXPECT_FALSE(JsonValue("1").integer());
}

TEST(JsonValue, EqualityIgnoresTheOrderOfMembersAndMarks) {
  const JsonValue a(
      JsonValue::Object{{"x", JsonValue(1.0, Mark{3, 4})}, {"y", JsonValue::Array{true, nullptr}}});
  const JsonValue b(JsonValue::Object{{"y", JsonValue::Array{true, nullptr}}, {"x", 1}});
  EXPECT_EQ(a, b);
  EXPECT_FALSE(a == JsonValue(JsonValue::Object{{"x", 1}}));
  EXPECT_FALSE(JsonValue(JsonValue::Array{1, 2}) == JsonValue(JsonValue::Array{2, 1}));
}

TEST(JsonValue, FindsMembersByName) {
  const JsonValue value(JsonValue::Object{{"x", 1}});
  ASSERT_NE(value.find("x"), nullptr);
  EXPECT_EQ(value.find("x")->number(), 1);
  EXPECT_EQ(value.find("y"), nullptr);
  EXPECT_EQ(JsonValue(1).find("x"), nullptr);
}

}  // namespace
}  // namespace flagmesh::flags
