#include "control/flags/schedule.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/parse.h"

namespace flagmesh::flags {
namespace {

std::string flag_with(const std::string& more) {
  return "flags:\n  f: { enabled: true, variants: { \"on\": 1, \"off\": 0 }, defaultVariant: "
         "\"off\", " +
         more + " }\n";
}

TEST(ScheduleTest, ReadsInstants) {
  EXPECT_EQ(parse_instant("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_instant("2026-12-01T09:00:00Z"), 1796115600);
  EXPECT_EQ(parse_instant("2026-12-01T10:00:00+01:00"), 1796115600);
  EXPECT_EQ(parse_instant("2026-12-01t05:30:00-03:30"), 1796115600);
  for (const char* text :
       {"", "2026-12-01", "2026-13-01T09:00:00Z", "2026-02-30T09:00:00Z", "2026-12-01T24:00:00Z",
        "2026-12-01T09:60:00Z", "2026-12-01T09:00:00", "2026-12-01T09:00:00Zx",
        "2026-12-01T09:00:00+1:00", "26-12-01T09:00:00Z"}) {
    EXPECT_FALSE(parse_instant(text)) << text;
  }
}

TEST(ScheduleTest, IsARampOverTime) {
  const ParsedFlags parsed = parse_flag_file(
      flag_with(
          "rollout: { \"on\": 0, \"off\": 100 }, schedule: [{ at: 1970-01-01T00:01:40Z, rollout: { "
          "\"on\": 50, \"off\": 50 } }, { at: 200, rollout: { \"on\": 100 } }]"),
      "f.yaml", "default");
  ASSERT_TRUE(parsed.diagnostics.empty()) << parsed.diagnostics[0].text();
  EXPECT_EQ(
      canonical_json(parsed.flags.flags[0].targeting),
      R"({"if":[{"<":[{"var":"$flagd.timestamp"},100]},{"fractional":[["on",0],["off",100]]},)"
      R"({"<":[{"var":"$flagd.timestamp"},200]},{"fractional":[["on",50],["off",50]]},)"
      R"({"fractional":[["on",100],["off",0]]}]})");
  const auto flag = *CompiledFlag::compile(parsed.flags.flags[0]);
  const TimeSteps steps = flag->time_steps();
  EXPECT_FALSE(steps.any_second);
  EXPECT_EQ(steps.next(0), 100);
  EXPECT_EQ(steps.next(150), 200);
  int before = 0;
  int later = 0;
  for (int i = 0; i < 1000; ++i) {
    const JsonValue user(JsonValue::Object{{"targetingKey", "u" + std::to_string(i)}});
    const auto at = [&](int64_t now) {
      return flag->evaluate(JsonContext(user, now)).variant->name;
    };
    EXPECT_EQ(at(99), "off");
    const bool on = at(100) == "on";
    before += on;
    later += at(199) == "on";
    // A step that only grows sends nobody back.
    EXPECT_EQ(at(200), "on");
  }
  EXPECT_NEAR(before, 500, 80);
  EXPECT_EQ(before, later);
}

TEST(ScheduleTest, WithoutARolloutTheDefaultComesFirst) {
  const ParsedFlags parsed = parse_flag_file(
      flag_with("schedule: [{ at: 100, rollout: { \"on\": 1 } }]"), "f.yaml", "default");
  ASSERT_TRUE(parsed.diagnostics.empty()) << parsed.diagnostics[0].text();
  const auto flag = *CompiledFlag::compile(parsed.flags.flags[0]);
  const JsonValue user(JsonValue::Object{{"targetingKey", "u"}});
  EXPECT_EQ(flag->evaluate(JsonContext(user, 99)).variant->name, "off");
  EXPECT_EQ(flag->evaluate(JsonContext(user, 100)).variant->name, "on");
}

TEST(ScheduleTest, MistakesHaveTheirPlace) {
  const struct {
    std::string schedule;
    std::string message;
  } kRows[] = {
      {"schedule: @{}", "no list of steps"},
      {"schedule: @[]", "no list of steps"},
      {"schedule: [@7]", "exactly 'at' and 'rollout'"},
      {"schedule: [@{ at: 1 }]", "exactly 'at' and 'rollout'"},
      {"schedule: [{ at: @tomorrow, rollout: { \"on\": 1 } }]", "'at' is no time"},
      {"schedule: [{ at: @-5, rollout: { \"on\": 1 } }]", "'at' is no time"},
      {"schedule: [{ at: 5, rollout: { \"on\": 1 } }, { at: @5, rollout: { \"on\": 1 } }]",
       "not after the one before"},
      {"schedule: [{ at: 5, rollout: { @onn: 1 } }]", "has no variant 'onn'"},
      {"schedule: [{ at: 5, rollout: @{ \"on\": 0 } }]", "all weights are 0"},
      {"targeting: { if: [true, \"on\"] }, schedule: @[{ at: 5, rollout: { \"on\": 1 } }]",
       "both 'targeting' and 'schedule'"},
  };
  for (const auto& row : kRows) {
    std::string text = flag_with(row.schedule);
    const size_t at = text.find('@');
    text.erase(at, 1);
    const ParsedFlags parsed = parse_flag_file(text, "f.yaml", "default");
    ASSERT_TRUE(has_errors(parsed.diagnostics)) << text;
    EXPECT_NE(parsed.diagnostics[0].message.find(row.message), std::string::npos)
        << parsed.diagnostics[0].message;
    EXPECT_EQ(parsed.diagnostics[0].column, at - text.find("  f:") + 1) << text;
  }
}

}  // namespace
}  // namespace flagmesh::flags
