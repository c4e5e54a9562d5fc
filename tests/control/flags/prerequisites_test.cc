#include "control/flags/prerequisites.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/parse.h"

namespace flagmesh::flags {
namespace {

ParsedFlags parse(const std::string& text) {
  ParsedFlags parsed = parse_flag_file("flags:\n" + text, "f.yaml", "default");
  EXPECT_FALSE(has_errors(parsed.diagnostics)) << parsed.diagnostics.front().text();
  resolve_prerequisites(parsed.flags, parsed.diagnostics);
  return parsed;
}

std::string variant_of(const FlagSet& set, const std::string& key, const std::string& user) {
  const auto flag = CompiledFlag::compile(*set.find(key));
  EXPECT_TRUE(flag) << flag.error().text();
  JsonValue::Object context;
  if (!user.empty()) context.push_back({"targetingKey", user});
  const JsonValue object(std::move(context));
  const Evaluation result = (*flag)->evaluate(JsonContext(object, 1000));
  return result.variant == nullptr ? "-" : result.variant->name;
}

constexpr const char* kCart =
    "  cart: { enabled: true, variants: { \"on\": 1, \"off\": 0 }, defaultVariant: \"off\", "
    "rollout: { "
    "\"on\": 30, \"off\": 70 } }\n";

// The promise: a user has the same variant of the other flag here and there.
TEST(PrerequisitesTest, AnInlinedSplitKeepsItsBuckets) {
  const ParsedFlags parsed =
      parse(std::string(kCart) +
            "  pay: { enabled: true, variants: { a: 1, b: 2 }, defaultVariant: a, "
            "prerequisites: [{ flag: cart, variant: \"on\" }], targeting: { if: "
            "[true, b] } }\n");
  ASSERT_FALSE(has_errors(parsed.diagnostics));
  int met = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string user = "user-" + std::to_string(i);
    const bool on = variant_of(parsed.flags, "cart", user) == "on";
    met += on;
    ASSERT_EQ(variant_of(parsed.flags, "pay", user), on ? "b" : "a") << user;
  }
  EXPECT_GT(met, 500);
  EXPECT_EQ(variant_of(parsed.flags, "pay", ""), "a");
  // Pure flagd: nothing of ours is in it.
  EXPECT_EQ(canonical_json(parsed.flags.find("pay")->targeting),
            R"({"if":[{"!":[{"in":[{"if":[{"!=":[{"var":"targetingKey"},null]},{"fractional":[)"
            R"({"cat":["cart",{"var":"targetingKey"}]},["on",30],["off",70]]},null]},["on"]]}]},)"
            R"(null,{"if":[true,"b"]}]})");
}

TEST(PrerequisitesTest, TheDefaultOfTheOtherFlagCounts) {
  const ParsedFlags parsed =
      parse(std::string(kCart) +
            "  pay: { enabled: true, variants: { a: 1, b: 2 }, defaultVariant: a, "
            "prerequisites: [{ flag: cart, variants: [\"off\"] }], targeting: { if: "
            "[true, b] } }\n");
  for (int i = 0; i < 200; ++i) {
    const std::string user = "user-" + std::to_string(i);
    const bool off = variant_of(parsed.flags, "cart", user) == "off";
    ASSERT_EQ(variant_of(parsed.flags, "pay", user), off ? "b" : "a") << user;
  }
  // Without a key the other flag gives its default.
  EXPECT_EQ(variant_of(parsed.flags, "pay", ""), "b");
}

TEST(PrerequisitesTest, GoThroughOtherPrerequisites) {
  const ParsedFlags parsed =
      parse(std::string(kCart) +
            "  mid: { enabled: true, variants: { a: 1, b: 2 }, defaultVariant: a, prerequisites: "
            "[{ flag: "
            "cart, variant: \"on\" }], rollout: { a: 50, b: 50 } }\n"
            "  top: { enabled: true, variants: { a: 1, b: 2, c: 3 }, defaultVariant: a, "
            "prerequisites: [{ "
            "flag: mid, variant: b, otherwise: c }], targeting: { if: [true, b] } }\n");
  ASSERT_FALSE(has_errors(parsed.diagnostics));
  for (int i = 0; i < 500; ++i) {
    const std::string user = "user-" + std::to_string(i);
    const bool met = variant_of(parsed.flags, "mid", user) == "b";
    ASSERT_EQ(variant_of(parsed.flags, "top", user), met ? "b" : "c") << user;
    if (met) ASSERT_EQ(variant_of(parsed.flags, "cart", user), "on");
  }
}

TEST(PrerequisitesTest, FlagKeysAndLoopsOfTheOtherFlag) {
  const ParsedFlags parsed = parse(
      "  other: { enabled: true, variants: { other: 1, no: 0 }, defaultVariant: no, targeting: { "
      "if: "
      "[{ some: [[1], { \"==\": [{ var: \"\" }, 1] }] }, { var: $flagd.flagKey }] } }\n"
      "  mine: { enabled: true, variants: { a: 1, b: 2 }, defaultVariant: a, prerequisites: [{ "
      "flag: "
      "other, variant: other }], targeting: { if: [true, b] } }\n");
  EXPECT_EQ(variant_of(parsed.flags, "other", "u"), "other");
  EXPECT_EQ(variant_of(parsed.flags, "mine", "u"), "b");
}

TEST(PrerequisitesTest, BooleanVariantsByTargeting) {
  const ParsedFlags parsed = parse(
      "  other: { enabled: true, variants: { \"true\": 1, \"false\": 0 }, defaultVariant: "
      "\"false\", "
      "targeting: { \"==\": [{ var: targetingKey }, u] } }\n"
      "  mine: { enabled: true, variants: { a: 1, b: 2 }, defaultVariant: a, prerequisites: [{ "
      "flag: "
      "other, variant: \"true\" }], targeting: { if: [true, b] } }\n");
  EXPECT_EQ(variant_of(parsed.flags, "mine", "u"), "b");
  EXPECT_EQ(variant_of(parsed.flags, "mine", "v"), "a");
}

TEST(PrerequisitesTest, AbsentAndDisabledFlagsMeetNothing) {
  const ParsedFlags parsed = parse(
      "  off: { enabled: false, variants: { a: 1 }, defaultVariant: a }\n"
      "  one: { enabled: true, variants: { a: 1, b: 2 }, defaultVariant: a, prerequisites: [{ "
      "flag: "
      "off, variant: a }], targeting: { if: [true, b] } }\n"
      "  two: { enabled: true, variants: { a: 1, b: 2 }, defaultVariant: a, prerequisites: [{ "
      "flag: "
      "of, variant: a }], targeting: { if: [true, b] } }\n");
  EXPECT_EQ(variant_of(parsed.flags, "one", "u"), "a");
  EXPECT_EQ(variant_of(parsed.flags, "two", "u"), "a");
  ASSERT_EQ(parsed.diagnostics.size(), 2U);
  EXPECT_EQ(
      parsed.diagnostics[0].text(),
      "f.yaml:3:86: warning: flag 'one': its prerequisite 'off' is disabled: nobody meets it; "
      "enable that flag");
  EXPECT_NE(parsed.diagnostics[1].text().find("did you mean 'off'?"), std::string::npos);
}

TEST(PrerequisitesTest, CirclesAreRefused) {
  const ParsedFlags parsed = parse(
      "  a: { enabled: true, variants: { x: 1 }, defaultVariant: x, prerequisites: [{ flag: b, "
      "variant: x }] }\n"
      "  b: { enabled: true, variants: { x: 1 }, defaultVariant: x, prerequisites: [{ flag: a, "
      "variant: x }] }\n");
  ASSERT_TRUE(has_errors(parsed.diagnostics));
  EXPECT_NE(parsed.diagnostics[0].message.find("'a' needs 'b' needs 'a'"), std::string::npos)
      << parsed.diagnostics[0].message;
}

// Each doubles what the one before it costs.
TEST(PrerequisitesTest, ABombIsRefused) {
  std::string text = kCart;
  std::string last = "cart";
  for (int i = 0; i < 40; ++i) {
    const std::string key = "f" + std::to_string(i);
    const std::string once = "{ flag: " + last + ", variants: [\"on\"] }";
    text += "  " + key +
            ": { enabled: true, variants: { \"on\": 1, \"off\": 0 }, defaultVariant: \"off\", " +
            "prerequisites: [" + once + ", " + once + "], targeting: { if: [true, \"on\"] } }\n";
    last = key;
  }
  const ParsedFlags parsed = parse(text);
  EXPECT_TRUE(has_errors(parsed.diagnostics));
}

TEST(PrerequisitesTest, MistakesHaveTheirPlace) {
  const struct {
    std::string value;
    std::string message;
  } kRows[] = {
      {"@{}", "is not a list"},
      {"@[]", "is not a list"},
      {"[@7]", "a prerequisite is a map"},
      {"[@{ flag: b }]", "names no flag or no variant"},
      {"[{ flag: b, @varian: x }]", "unknown"},
      {"[{ flag: b, variant: x, otherwise: @z }]", "'otherwise' is not one of its variants"},
      {"[@{ flag: a, variant: x }]", "its own prerequisite"},
  };
  for (const auto& row : kRows) {
    std::string text =
        "flags:\n  a: { enabled: true, variants: { x: 1 }, prerequisites: " + row.value + " }\n";
    const size_t at = text.find('@');
    text.erase(at, 1);
    const ParsedFlags parsed = parse_flag_file(text, "f.yaml", "default");
    ASSERT_TRUE(has_errors(parsed.diagnostics)) << text;
    EXPECT_NE(parsed.diagnostics[0].message.find(row.message), std::string::npos)
        << parsed.diagnostics[0].message;
    EXPECT_EQ(parsed.diagnostics[0].column, at - text.find("  a:") + 1) << text;
  }
}

}  // namespace
}  // namespace flagmesh::flags
