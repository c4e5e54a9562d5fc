#include "control/flags/value.h"

#include <gtest/gtest.h>

#include <array>

namespace flagmesh::flags {
namespace {

TEST(Value, IsAViewOfJson) {
  const JsonValue json(JsonValue::Array{nullptr, true, 1.5, "text", JsonValue::Array{1},
                                        JsonValue::Object{{"a", 1}}});
  const Value list = Value::from(json);
  ASSERT_TRUE(list.is_list());
  ASSERT_EQ(list.size(), 6U);
  EXPECT_TRUE(list.at(0).is_null());
  EXPECT_TRUE(list.at(1).boolean());
  EXPECT_EQ(list.at(2).number(), 1.5);
  EXPECT_EQ(list.at(3).text(), "text");
  EXPECT_TRUE(list.at(4).is_list());
  EXPECT_EQ(&list.at(5).object(), &json.array()[5]);
  EXPECT_TRUE(list.same_as(Value::from(json)));
  static_assert(sizeof(Value) == 16);
}

TEST(Value, IsAViewOfTheContext) {
  const JsonValue json(JsonValue::Object{});
  EXPECT_TRUE(Value::from(ContextValue()).is_null());
  EXPECT_TRUE(Value::from(ContextValue(true)).boolean());
  EXPECT_EQ(Value::from(ContextValue(2.0)).number(), 2);
  EXPECT_EQ(Value::from(ContextValue(std::string_view("x"))).text(), "x");
  EXPECT_TRUE(Value::from(ContextValue(&json)).is_object());
}

TEST(Value, IsAListThatAnEvaluationMade) {
  const std::array<Value, 2> items = {Value(1.0), Value(std::string_view("b"))};
  const Value list{std::span<const Value>(items)};
  EXPECT_TRUE(list.is_list());
  EXPECT_EQ(list.size(), 2U);
  EXPECT_EQ(list.at(1).text(), "b");
}

}  // namespace
}  // namespace flagmesh::flags
