#include "control/flags/time_steps.h"

#include <gtest/gtest.h>

#include "control/flags/compiled_flag.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

TimeSteps steps_of(std::string_view targeting) {
  FlagDefinition flag;
  flag.key = "f";
  flag.variants = {{"a", 1}, {"b", 2}};
  flag.targeting = *parse_json(targeting);
  return (*CompiledFlag::compile(flag))->time_steps();
}

TEST(TimeStepsTest, AreTheBoundsOfComparisons) {
  EXPECT_TRUE(steps_of(R"({"if":[true,"a"]})").at.empty());
  const TimeSteps one = steps_of(R"({"if":[{"<":[{"var":"$flagd.timestamp"},100]},"a","b"]})");
  EXPECT_FALSE(one.any_second);
  EXPECT_EQ(one.next(0), 100);
  EXPECT_EQ(one.last(100), 100);
  EXPECT_EQ(one.last(99), 0);
  const TimeSteps between =
      steps_of(R"({"if":[{"<=":[100.5,{"var":"$flagd.timestamp"},200]},"a","b"]})");
  EXPECT_FALSE(between.any_second);
  EXPECT_EQ(between.next(0), 101);
  EXPECT_EQ(between.next(101), 200);
  EXPECT_EQ(between.next(200), 201);
  EXPECT_FALSE(between.next(201).has_value());
}

// What the steps promise: between two of them nothing changes.
TEST(TimeStepsTest, NothingChangesBetweenThem) {
  for (const char* op : {"<", "<=", ">", ">=", "==", "!=", "===", "!=="}) {
    FlagDefinition flag;
    flag.key = "f";
    flag.variants = {{"a", 1}, {"b", 2}};
    flag.targeting = *parse_json(R"({"if":[{")" + std::string(op) +
                                 R"(":[{"var":"$flagd.timestamp"},10]},"a","b"]})");
    const auto compiled = *CompiledFlag::compile(flag);
    const TimeSteps steps = compiled->time_steps();
    const JsonValue none(JsonValue::Object{});
    for (int64_t now = 5; now < 15; ++now) {
      const auto before = compiled->evaluate(JsonContext(none, now)).variant->name;
      const auto after = compiled->evaluate(JsonContext(none, now + 1)).variant->name;
      if (before != after) EXPECT_EQ(steps.next(now), now + 1) << op << " " << now;
    }
  }
}

TEST(TimeStepsTest, OtherUsesOfTheTimeMayTurnAtAnySecond) {
  for (const char* targeting :
       {R"({"if":[{"==":[{"%":[{"var":"$flagd.timestamp"},2]},0]},"a","b"]})",
        R"({"if":[{"<":[{"var":"$flagd.timestamp"},{"var":"end"}]},"a","b"]})",
        R"({"if":[{"var":{"cat":["$flagd.","timestamp"]}},"a","b"]})"}) {
    EXPECT_TRUE(steps_of(targeting).any_second) << targeting;
  }
}

}  // namespace
}  // namespace flagmesh::flags
