// The scenarios of flagd's own testbed (v2 bucketing), with flags of the same rules.
#include <gtest/gtest.h>

#include "control/flags/canonical_flag.h"
#include "control/flags/canonical_json.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/parse.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

constexpr std::string_view kFlags = R"(
$evaluators:
  is_ballmer: {"==": [ballmer@macrosoft.com, {var: [email]}]}
flags:
  boolean-flag: {state: ENABLED, variants: {on: true, off: false}, defaultVariant: on}
  string-flag: {state: ENABLED, variants: {greeting: hi, parting: bye}, defaultVariant: greeting}
  integer-flag: {state: ENABLED, variants: {one: 1, ten: 10}, defaultVariant: ten}
  float-flag: {state: ENABLED, variants: {tenth: 0.1, half: 0.5}, defaultVariant: half}
  object-flag: {state: ENABLED, variants: {empty: {}, template: {showImages: true, imagesPerPage: 100}}, defaultVariant: template}
  boolean-zero-flag: {state: ENABLED, variants: {zero: false, non-zero: true}, defaultVariant: zero}
  string-zero-flag: {state: ENABLED, variants: {zero: "", non-zero: str}, defaultVariant: zero}
  integer-zero-flag: {state: ENABLED, variants: {zero: 0, non-zero: 1}, defaultVariant: zero}
  float-zero-flag: {state: ENABLED, variants: {zero: 0.0, non-zero: 1.0}, defaultVariant: zero}
  object-zero-flag: {state: ENABLED, variants: {zero: {}, non-zero: {a: 1}}, defaultVariant: zero}
  targeted-zero-flag: {state: ENABLED, variants: {zero: "", non-zero: str}, defaultVariant: zero, targeting: {if: [{$ref: is_ballmer}, zero]}}
  null-default-flag: {state: ENABLED, variants: {on: true, off: false}, defaultVariant: null}
  undefined-default-flag: {state: ENABLED, variants: {small: 10, big: 1000}}
  null-targeting-variant: {state: ENABLED, variants: {normal: CFO, special: CEO}, targeting: {if: [{"==": [jobs@orange.com, {var: [email]}]}, special, null]}}
  undefined-targeting-variant: {state: ENABLED, variants: {normal: CFO, special: CEO}, targeting: {if: [{"==": [jobs@orange.com, {var: [email]}]}, special]}}
  email-flag: {state: ENABLED, variants: {hi: hi, bye: bye, none: none}, defaultVariant: none, targeting: {if: [{$ref: is_ballmer}, hi, bye]}}
  lost-ref-flag: {state: ENABLED, variants: {hit: hit, miss: miss}, defaultVariant: miss, targeting: {if: [{$ref: nonexistent_evaluator}, hit, miss]}}
  key-flag: {state: ENABLED, variants: {miss: miss, hit: hit}, defaultVariant: miss, targeting: {if: [{"==": [{var: targetingKey}, 5c3d8535-f81a-4478-a6d3-afaa4d51199e]}, hit, null]}}
  fractional-flag:
    state: ENABLED
    variants: {clubs: c, diamonds: d, hearts: h, spades: s, wild: w}
    defaultVariant: wild
    targeting: {fractional: [{cat: [{var: $flagd.flagKey}, {var: user.name}]}, [clubs, 25], [diamonds, 25], [hearts, 25], [spades, 25]]}
  fractional-flag-shorthand: {state: ENABLED, variants: {heads: h, tails: t, draw: d}, defaultVariant: draw, targeting: {fractional: [[heads], [tails, 1]]}}
  shared-seed-a: &seed
    state: ENABLED
    variants: {clubs: c, diamonds: d, hearts: h, spades: s, wild: w}
    defaultVariant: wild
    targeting: {fractional: [{cat: [shared-seed, {var: user.name}]}, [clubs, 25], [diamonds, 25], [hearts, 25], [spades, 25]]}
  shared-seed-b: *seed
  hash-edge-flag: {state: ENABLED, variants: {lower: l, upper: u}, defaultVariant: lower, targeting: {fractional: [{var: targetingKey}, [lower, 50], [upper, 50]]}}
  starts-ends-flag:
    state: ENABLED
    variants: {prefix: p, postfix: q, none: n}
    defaultVariant: none
    targeting: {if: [{starts_with: [{var: id}, abc]}, prefix, {if: [{ends_with: [{var: id}, xyz]}, postfix, none]}]}
  version-flag:
    state: ENABLED
    variants: {equal: e, greater: g, lesser: l, none: n}
    defaultVariant: none
    targeting: {if: [{sem_ver: [{var: version}, "=", 2.0.0]}, equal, {if: [{sem_ver: [{var: version}, ">", 2.0.0]}, greater, {if: [{sem_ver: [{var: version}, "<", 2.0.0]}, lesser, none]}]}]}
  major-minor-flag:
    state: ENABLED
    variants: {minor: m, major: M, none: n}
    defaultVariant: none
    targeting: {if: [{sem_ver: [{var: version}, "~", 3.0.0]}, minor, {if: [{sem_ver: [{var: version}, "^", 3.0.0]}, major, none]}]}
  v-prefix-flag: {state: ENABLED, variants: {match: m, no-match: n}, defaultVariant: no-match, targeting: {if: [{sem_ver: [{var: version}, "=", v1.0.0]}, match, no-match]}}
  partial-version-flag: {state: ENABLED, variants: {match: m, no-match: n}, defaultVariant: no-match, targeting: {if: [{sem_ver: [{var: version}, "^", "1"]}, match, no-match]}}
  build-flag: {state: ENABLED, variants: {match: m, no-match: n}, defaultVariant: no-match, targeting: {if: [{sem_ver: [{var: version}, "=", 1.0.0+build]}, match, no-match]}}
  numeric-context-flag: {state: ENABLED, variants: {match: m, no-match: n}, defaultVariant: no-match, targeting: {if: [{sem_ver: [{var: version}, ">", "1.1"]}, match, no-match]}}
  nested-if-flag:
    state: ENABLED
    variants: {premium: p, standard: s, fallback: f}
    defaultVariant: fallback
    targeting: {fractional: [{var: targetingKey}, [{if: [{"==": [{var: tier}, premium]}, premium, standard]}, 50], [standard, 50]]}
  nested-var-flag: {state: ENABLED, variants: {red: r, green: g, blue: b, fallback: f}, defaultVariant: fallback, targeting: {fractional: [{var: targetingKey}, [{var: color}, 50], [blue, 50]]}}
  nested-weight-flag:
    state: ENABLED
    variants: {red: r, blue: b, fallback: f}
    defaultVariant: fallback
    targeting: {fractional: [{var: targetingKey}, [red, {if: [{"==": [{var: tier}, premium]}, 100, 0]}], [blue, 10]]}
  as-condition-flag: {state: ENABLED, variants: {big: hundreds, small: ones, fallback: zero}, defaultVariant: fallback, targeting: {if: [{fractional: [[false, 0], [true, 100]]}, big, small]}}
  as-condition-false-flag: {state: ENABLED, variants: {big: hundreds, small: ones, fallback: zero}, defaultVariant: fallback, targeting: {if: [{fractional: [[false, 100], [true, 0]]}, big, small]}}
  single-entry-flag: {state: ENABLED, variants: {single: s, fallback: f}, defaultVariant: fallback, targeting: {fractional: [[single, 1]]}}
  null-bucket-key-flag: {state: ENABLED, variants: {one: "1", two: "2", fallback: f}, defaultVariant: fallback, targeting: {fractional: [{var: missing_key}, [one, 50], [two, 50]]}}
  zero-weights-flag: {state: ENABLED, variants: {one: "1", two: "2", fallback: f}, defaultVariant: fallback, targeting: {fractional: [{var: targetingKey}, [one, 0], [two, 0]]}}
  negative-weight-flag: {state: ENABLED, variants: {one: "1", two: "2", fallback: f}, defaultVariant: fallback, targeting: {fractional: [{var: targetingKey}, [one, -50], [two, 100]]}}
  bad-version-flag: &bool {state: ENABLED, variants: {"true": t, "false": f, fallback: x}, defaultVariant: fallback, targeting: {sem_ver: [{var: version}, "=", 1.0.0]}}
  bad-operator-flag: {state: ENABLED, variants: {"true": t, "false": f, fallback: x}, defaultVariant: fallback, targeting: {sem_ver: [{var: version}, "===", 1.0.0]}}
  short-version-flag: {state: ENABLED, variants: {"true": t, "false": f, fallback: x}, defaultVariant: fallback, targeting: {sem_ver: [{var: version}, "="]}}
  starts-number-flag: {state: ENABLED, variants: {"true": t, "false": f, fallback: x}, defaultVariant: fallback, targeting: {starts_with: [{var: num}, abc]}}
  ends-number-flag: {state: ENABLED, variants: {"true": t, "false": f, fallback: x}, defaultVariant: fallback, targeting: {ends_with: [{var: num}, xyz]}}
  starts-short-flag: {state: ENABLED, variants: {"true": t, "false": f, fallback: x}, defaultVariant: fallback, targeting: {starts_with: [abc]}}
  ends-short-flag: {state: ENABLED, variants: {"true": t, "false": f, fallback: x}, defaultVariant: fallback, targeting: {ends_with: [xyz]}}
  disabled-flag: {state: DISABLED, variants: {on: true, off: false}, defaultVariant: on}
)";

struct Scenario {
  const char* flag;
  const char* context;
  const char* variant;  // "" = the caller's default
  const char* reason;
};

constexpr Scenario kScenarios[] = {
    {"boolean-flag", "{}", "on", "STATIC"},
    {"string-flag", "{}", "greeting", "STATIC"},
    {"integer-flag", "{}", "ten", "STATIC"},
    {"float-flag", "{}", "half", "STATIC"},
    {"object-flag", "{}", "template", "STATIC"},
    {"boolean-zero-flag", "{}", "zero", "STATIC"},
    {"string-zero-flag", "{}", "zero", "STATIC"},
    {"integer-zero-flag", "{}", "zero", "STATIC"},
    {"float-zero-flag", "{}", "zero", "STATIC"},
    {"object-zero-flag", "{}", "zero", "STATIC"},
    {"targeted-zero-flag", R"({"email":"ballmer@macrosoft.com"})", "zero", "TARGETING_MATCH"},
    {"targeted-zero-flag", R"({"email":"ballmer@none.com"})", "zero", "DEFAULT"},
    {"disabled-flag", "{}", "", "DISABLED"},
    {"null-default-flag", R"({"email":""})", "", "DEFAULT"},
    {"undefined-default-flag", R"({"email":""})", "", "DEFAULT"},
    {"null-targeting-variant", R"({"email":"wozniak@orange.com"})", "", "DEFAULT"},
    {"null-targeting-variant", R"({"email":"jobs@orange.com"})", "special", "TARGETING_MATCH"},
    {"undefined-targeting-variant", R"({"email":"wozniak@orange.com"})", "", "DEFAULT"},
    {"email-flag", R"({"email":"ballmer@macrosoft.com"})", "hi", "TARGETING_MATCH"},
    {"email-flag", R"({"email":"user@example.com"})", "bye", "TARGETING_MATCH"},
    {"lost-ref-flag", R"({"email":"ballmer@macrosoft.com"})", "", "ERROR PARSE_ERROR"},
    {"key-flag", R"({"targetingKey":"5c3d8535-f81a-4478-a6d3-afaa4d51199e"})", "hit",
     "TARGETING_MATCH"},
    {"key-flag", R"({"targetingKey":"f20bd32d-703b-48b6-bc8e-79d53c85134a"})", "miss", "DEFAULT"},
    {"fractional-flag", R"({"user":{"name":"jack"}})", "hearts", "TARGETING_MATCH"},
    {"fractional-flag", R"({"user":{"name":"queen"}})", "spades", "TARGETING_MATCH"},
    {"fractional-flag", R"({"user":{"name":"ten"}})", "clubs", "TARGETING_MATCH"},
    {"fractional-flag", R"({"user":{"name":"nine"}})", "diamonds", "TARGETING_MATCH"},
    {"fractional-flag", R"({"user":{"name":3}})", "clubs", "TARGETING_MATCH"},
    {"fractional-flag-shorthand", R"({"targetingKey":"jon@company.com"})", "heads",
     "TARGETING_MATCH"},
    {"fractional-flag-shorthand", R"({"targetingKey":"jane@company.com"})", "tails",
     "TARGETING_MATCH"},
    {"shared-seed-a", R"({"user":{"name":"seven"}})", "hearts", "TARGETING_MATCH"},
    {"shared-seed-a", R"({"user":{"name":"eight"}})", "diamonds", "TARGETING_MATCH"},
    {"shared-seed-b", R"({"user":{"name":"nine"}})", "clubs", "TARGETING_MATCH"},
    {"shared-seed-b", R"({"user":{"name":"two"}})", "spades", "TARGETING_MATCH"},
    {"single-entry-flag", R"({"targetingKey":"some-targeting-key"})", "single", "TARGETING_MATCH"},
    {"hash-edge-flag", R"({"targetingKey":"ejOoVL"})", "lower", "TARGETING_MATCH"},
    {"hash-edge-flag", R"({"targetingKey":"bY9fO-"})", "lower", "TARGETING_MATCH"},
    {"hash-edge-flag", R"({"targetingKey":"SI7p-"})", "lower", "TARGETING_MATCH"},
    {"hash-edge-flag", R"({"targetingKey":"6LvT0"})", "upper", "TARGETING_MATCH"},
    {"hash-edge-flag", R"({"targetingKey":"ceQdGm"})", "upper", "TARGETING_MATCH"},
    {"nested-if-flag", R"({"targetingKey":"jon@company.com","tier":"premium"})", "premium",
     "TARGETING_MATCH"},
    {"nested-if-flag", R"({"targetingKey":"jon@company.com","tier":"basic"})", "standard",
     "TARGETING_MATCH"},
    {"nested-if-flag", R"({"targetingKey":"user1","tier":"premium"})", "standard",
     "TARGETING_MATCH"},
    {"nested-var-flag", R"({"targetingKey":"jon@company.com","color":"red"})", "red",
     "TARGETING_MATCH"},
    {"nested-var-flag", R"({"targetingKey":"jon@company.com","color":"green"})", "green",
     "TARGETING_MATCH"},
    {"nested-var-flag", R"({"targetingKey":"user1","color":"red"})", "blue", "TARGETING_MATCH"},
    {"nested-var-flag", R"({"targetingKey":"jon@company.com","color":"yellow"})", "",
     "ERROR GENERAL"},
    {"nested-var-flag", R"({"targetingKey":"jon@company.com","color":""})", "", "ERROR GENERAL"},
    {"nested-var-flag", R"({"targetingKey":"jon@company.com"})", "fallback", "DEFAULT"},
    {"nested-weight-flag", R"({"targetingKey":"jon@company.com","tier":"premium"})", "red",
     "TARGETING_MATCH"},
    {"nested-weight-flag", R"({"targetingKey":"jon@company.com","tier":"basic"})", "blue",
     "TARGETING_MATCH"},
    {"nested-weight-flag", R"({"targetingKey":"user1","tier":"premium"})", "red",
     "TARGETING_MATCH"},
    {"nested-weight-flag", R"({"targetingKey":"user1","tier":"basic"})", "blue", "TARGETING_MATCH"},
    {"as-condition-flag", R"({"targetingKey":"some-targeting-key"})", "big", "TARGETING_MATCH"},
    {"as-condition-false-flag", R"({"targetingKey":"some-targeting-key"})", "small",
     "TARGETING_MATCH"},
    {"null-bucket-key-flag", "{}", "fallback", "DEFAULT"},
    {"zero-weights-flag", R"({"targetingKey":"any-user"})", "fallback", "DEFAULT"},
    {"negative-weight-flag", R"({"targetingKey":"any-user"})", "two", "TARGETING_MATCH"},
    {"version-flag", R"({"version":"2.0.0"})", "equal", "TARGETING_MATCH"},
    {"version-flag", R"({"version":"2.1.0"})", "greater", "TARGETING_MATCH"},
    {"version-flag", R"({"version":"1.9.0"})", "lesser", "TARGETING_MATCH"},
    {"version-flag", R"({"version":"2.0.0-alpha"})", "lesser", "TARGETING_MATCH"},
    {"version-flag", R"({"version":"2.0.0.0"})", "none", "TARGETING_MATCH"},
    {"major-minor-flag", R"({"version":"3.0.1"})", "minor", "TARGETING_MATCH"},
    {"major-minor-flag", R"({"version":"3.1.0"})", "major", "TARGETING_MATCH"},
    {"major-minor-flag", R"({"version":"4.0.0"})", "none", "TARGETING_MATCH"},
    {"bad-version-flag", R"({"version":"not-a-version"})", "fallback", "DEFAULT"},
    {"bad-operator-flag", R"({"version":"1.0.0"})", "fallback", "DEFAULT"},
    {"short-version-flag", R"({"version":"1.0.0"})", "fallback", "DEFAULT"},
    {"v-prefix-flag", R"({"version":"1.0.0"})", "match", "TARGETING_MATCH"},
    {"v-prefix-flag", R"({"version":"v1.0.0"})", "match", "TARGETING_MATCH"},
    {"v-prefix-flag", R"({"version":"V1.0.0"})", "match", "TARGETING_MATCH"},
    {"v-prefix-flag", R"({"version":"2.0.0"})", "no-match", "TARGETING_MATCH"},
    {"partial-version-flag", R"({"version":"1.5.0"})", "match", "TARGETING_MATCH"},
    {"partial-version-flag", R"({"version":"1.0"})", "match", "TARGETING_MATCH"},
    {"partial-version-flag", R"({"version":"1"})", "match", "TARGETING_MATCH"},
    {"partial-version-flag", R"({"version":1})", "match", "TARGETING_MATCH"},
    {"partial-version-flag", R"({"version":1.2})", "match", "TARGETING_MATCH"},
    {"partial-version-flag", R"({"version":"2.0.0"})", "no-match", "TARGETING_MATCH"},
    {"numeric-context-flag", R"({"version":1.2})", "match", "TARGETING_MATCH"},
    {"numeric-context-flag", R"({"version":1.1})", "no-match", "TARGETING_MATCH"},
    {"numeric-context-flag", R"({"version":2})", "match", "TARGETING_MATCH"},
    {"numeric-context-flag", R"({"version":1})", "no-match", "TARGETING_MATCH"},
    {"numeric-context-flag", R"({"version":"1.2"})", "match", "TARGETING_MATCH"},
    {"build-flag", R"({"version":"1.0.0"})", "match", "TARGETING_MATCH"},
    {"build-flag", R"({"version":"1.0.0+other"})", "match", "TARGETING_MATCH"},
    {"build-flag", R"({"version":"2.0.0"})", "no-match", "TARGETING_MATCH"},
    {"starts-ends-flag", R"({"id":"abcdef"})", "prefix", "TARGETING_MATCH"},
    {"starts-ends-flag", R"({"id":"uvwxyz"})", "postfix", "TARGETING_MATCH"},
    {"starts-ends-flag", R"({"id":"abcxyz"})", "prefix", "TARGETING_MATCH"},
    {"starts-ends-flag", R"({"id":"lmnopq"})", "none", "TARGETING_MATCH"},
    {"starts-number-flag", R"({"num":123})", "fallback", "DEFAULT"},
    {"ends-number-flag", R"({"num":123})", "fallback", "DEFAULT"},
    {"starts-short-flag", "{}", "fallback", "DEFAULT"},
    {"ends-short-flag", "{}", "fallback", "DEFAULT"},
};

std::string outcome(const CompiledFlag& flag, const EvaluationContext& context) {
  const Evaluation e = flag.evaluate(context);
  std::string text = e.variant == nullptr ? "" : e.variant->name;
  text += "|" + std::string(reason_name(e.reason));
  if (e.error != ErrorCode::kNone) text += " " + std::string(error_code_name(e.error));
  return text;
}

TEST(Testbed, EveryScenarioBeforeAndAfterPublishing) {
  const ParsedFlags parsed = parse_flag_file(kFlags, "testbed.yaml", "default");
  for (const Diagnostic& d : parsed.diagnostics)
    ASSERT_EQ(d.severity, Severity::kWarning) << d.text();
  for (const Scenario& scenario : kScenarios) {
    const FlagDefinition* definition = parsed.flags.find(scenario.flag);
    ASSERT_NE(definition, nullptr) << scenario.flag;
    const auto published = parse_canonical_flag(canonical_flag(*definition));
    ASSERT_TRUE(published) << scenario.flag << published.error().text();
    const JsonValue context = *parse_json(scenario.context);
    const std::string expected = std::string(scenario.variant) + "|" + scenario.reason;
    for (const FlagDefinition* form : {definition, &*published}) {
      const auto flag = CompiledFlag::compile(*form);
      ASSERT_TRUE(flag) << scenario.flag << flag.error().text();
      EXPECT_EQ(outcome(**flag, JsonContext(context, 1'700'000'000)), expected)
          << scenario.flag << scenario.context;
    }
  }
}

}  // namespace
}  // namespace flagmesh::flags
