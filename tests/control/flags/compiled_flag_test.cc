#include "control/flags/compiled_flag.h"

#include <gtest/gtest.h>

#include "control/flags/bucketing.h"
#include "control/flags/change.h"
#include "control/flags/parse.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

// A request-like context: one key, one header.
class KeyContext : public EvaluationContext {
 public:
  explicit KeyContext(std::optional<std::string_view> key) : key_(key) {}
  std::optional<std::string_view> targeting_key() const noexcept override { return key_; }
  ContextValue lookup(const ContextPath& path) const noexcept override {
    if (path.head() == "header" && path.tail() == "x-team") return std::string_view("red");
    return {};
  }
  int64_t unix_seconds() const noexcept override { return 1'700'000'000; }

 private:
  std::optional<std::string_view> key_;
};

FlagDefinition define(const std::string& rest, const std::string& key = "f") {
  ParsedFlags parsed = parse_flag_file(
      "flags: {" + key + ": {state: ENABLED, variants: {on: true, off: false, beta: true}, " +
          rest + "}}",
      "f.yaml", "t");
  EXPECT_FALSE(has_errors(parsed.diagnostics)) << parsed.diagnostics.front().text();
  return parsed.flags.flags.at(0);
}

std::shared_ptr<const CompiledFlag> compiled(const FlagDefinition& definition) {
  auto flag = CompiledFlag::compile(definition);
  EXPECT_TRUE(flag) << flag.error().text();
  return *flag;
}

std::string result(const CompiledFlag& flag, const EvaluationContext& context) {
  const Evaluation e = flag.evaluate(context);
  if (e.variant != nullptr) {
    EXPECT_EQ(&flag.variants()[e.index], e.variant);
  }
  return (e.variant == nullptr ? "-" : e.variant->name) + " " + std::string(reason_name(e.reason)) +
         std::string(error_code_name(e.error));
}

TEST(CompiledFlag, WithoutTargetingServesTheDefault) {
  EXPECT_EQ(result(*compiled(define("defaultVariant: off")), KeyContext("u")), "off STATIC");
  EXPECT_EQ(result(*compiled(define("defaultVariant: null")), KeyContext("u")), "- DEFAULT");
  EXPECT_EQ(result(*compiled(define("defaultVariant: off, targeting: {}")), KeyContext("u")),
            "off STATIC");
  FlagDefinition disabled = define("defaultVariant: off");
  disabled.state = FlagState::kDisabled;
  EXPECT_EQ(result(*compiled(disabled), KeyContext("u")), "- DISABLED");
}

TEST(CompiledFlag, SplitsByTargetingKeyAndTellsWhy) {
  const auto flag =
      compiled(define("defaultVariant: off, targeting: {fractional: [[on, 50], [off, 50]]}"));
  BucketTrace trace;
  const Evaluation e = flag->evaluate(KeyContext("jack"), &trace);
  ASSERT_NE(e.variant, nullptr);
  EXPECT_TRUE(trace.decided);
  EXPECT_EQ(trace.total_weight, 100U);
  EXPECT_EQ(trace.hash, murmur3("fjack"));
  EXPECT_EQ(trace.bucket, (uint64_t{murmur3("fjack")} * 100) >> 32);
  EXPECT_EQ(e.variant->name, trace.bucket < 50 ? "on" : "off");
  EXPECT_EQ(result(*flag, KeyContext(std::nullopt)), "off DEFAULT");
}

TEST(CompiledFlag, AKeySourceReplacesTheWholeInput) {
  const auto flag =
      compiled(define("defaultVariant: beta, targeting: {fractional: [{var: header.x-team}, [on, "
                      "50], [off, 50]]}"));
  const std::string expected = murmur3("red") < 0x80000000U ? "on" : "off";
  EXPECT_EQ(result(*flag, KeyContext("a")), expected + " TARGETING_MATCH");
  EXPECT_EQ(result(*flag, KeyContext(std::nullopt)), expected + " TARGETING_MATCH");
  ASSERT_EQ(flag->paths().size(), 1U);
  EXPECT_EQ(flag->paths()[0].text, "header.x-team");
}

TEST(CompiledFlag, AMissingKeySourceFallsBackToTheTargetingKey) {
  const auto flag = compiled(define(
      "defaultVariant: beta, targeting: {fractional: [{var: header.none}, [on, 1], [off, 0]]}"));
  EXPECT_EQ(result(*flag, KeyContext("a")), "on TARGETING_MATCH");
  EXPECT_EQ(result(*flag, KeyContext(std::nullopt)), "beta DEFAULT");
}

TEST(CompiledFlag, OddWeights) {
  EXPECT_EQ(
      result(
          *compiled(define("defaultVariant: beta, targeting: {fractional: [[on, 0], [off, 0]]}")),
          KeyContext("a")),
      "beta DEFAULT");
  EXPECT_EQ(result(*compiled(define(
                       "defaultVariant: beta, targeting: {fractional: [[on, -50], [off, 100]]}")),
                   KeyContext("a")),
            "off TARGETING_MATCH");
  EXPECT_EQ(result(*compiled(define(
                       "defaultVariant: beta, targeting: {fractional: [[on, 1.5], [off, 100]]}")),
                   KeyContext("a")),
            "beta DEFAULT");
  EXPECT_EQ(
      result(
          *compiled(define("defaultVariant: beta, targeting: {fractional: [[on, x], [off, 100]]}")),
          KeyContext("a")),
      "beta DEFAULT");
  EXPECT_EQ(
      result(*compiled(define(
                 "defaultVariant: beta, targeting: {fractional: [[on, 2147483647], [off, 1]]}")),
             KeyContext("a")),
      "beta DEFAULT");
  EXPECT_EQ(result(*compiled(define("defaultVariant: beta, targeting: {fractional: [[on]]}")),
                   KeyContext("a")),
            "on TARGETING_MATCH");
  EXPECT_EQ(
      result(*compiled(define("defaultVariant: beta, targeting: {fractional: [[nobody, 1]]}")),
             KeyContext("a")),
      "- ERRORGENERAL");
  EXPECT_EQ(result(*compiled(define("defaultVariant: beta, targeting: {fractional: [[null, 1]]}")),
                   KeyContext("a")),
            "beta DEFAULT");
}

// "A rollout that grows sends nobody back": whichever way round the weights are written, and with a
// third variant.
TEST(Rollout, GrowingSendsNobodyBackToTheDefault) {
  for (const char* first : {"{on: 25, off: 75}", "{off: 75, on: 25}"}) {
    const FlagDefinition before = define("defaultVariant: off, rollout: " + std::string(first));
    const FlagDefinition after = *set_rollout(before, {{"off", 40}, {"on", 50}, {"beta", 10}});
    const auto old_flag = compiled(before);
    const auto new_flag = compiled(after);
    int on = 0;
    for (int user = 0; user < 10'000; ++user) {
      const std::string key = "user-" + std::to_string(user);
      const KeyContext context(key);
      const std::string& was = old_flag->evaluate(context).variant->name;
      const std::string& is = new_flag->evaluate(context).variant->name;
      on += was == "on" ? 1 : 0;
      if (was != "off") {
        EXPECT_NE(is, "off") << key;
      }
    }
    EXPECT_NEAR(on, 2500, 150);
  }
}

TEST(CompiledFlag, RefusesWhatItCannotDo) {
  FlagDefinition flag = define("defaultVariant: off");
  flag.bucketing = "flagd-v3";
  EXPECT_EQ(CompiledFlag::compile(flag).error().code, "unknown_bucketing");
}

struct Vector {
  const char* name;
  const char* variant;
};

// The published v2 vectors of flagd's testbed.
TEST(Testbed, FractionalByAName) {
  ParsedFlags parsed = parse_flag_file(R"({"flags":{"fractional-flag":{"state":"ENABLED",
    "variants":{"clubs":"clubs","diamonds":"diamonds","hearts":"hearts","spades":"spades","wild":"wild"},"defaultVariant":"wild",
    "targeting":{"fractional":[{"cat":[{"var":"$flagd.flagKey"},{"var":"user.name"}]},["clubs",25],["diamonds",25],["hearts",25],["spades",25]]}}}})",
                                       "f.json", "t");
  ASSERT_TRUE(parsed.diagnostics.empty()) << parsed.diagnostics[0].text();
  const auto flag = compiled(parsed.flags.flags[0]);
  for (const Vector& v : {Vector{"jack", "hearts"},
                          {"queen", "spades"},
                          {"ten", "clubs"},
                          {"nine", "diamonds"},
                          {"3", "clubs"}}) {
    const JsonValue object(JsonValue::Object{{"user", JsonValue::Object{{"name", v.name}}}});
    EXPECT_EQ(result(*flag, JsonContext(object, 0)), std::string(v.variant) + " TARGETING_MATCH")
        << v.name;
  }
}

}  // namespace
}  // namespace flagmesh::flags
