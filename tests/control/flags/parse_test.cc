#include "control/flags/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/flags/canonical_flag.h"
#include "control/flags/canonical_json.h"

namespace flagmesh::flags {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string all_text(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) out += d.text() + "\n";
  return out;
}

ParsedFlags parse(std::string_view text) {
  return parse_flag_file(text, "f.yaml", "default");
}

TEST(ParseFlagFile, ReadsFlagdAndSugar) {
  const ParsedFlags parsed = parse(R"(
flags:
  checkout:
    state: ENABLED
    variants: { on: true, off: false }
    defaultVariant: off
    targeting:
      fractional: [[on, 25], [off, 75]]
    metadata: { owner: shop }
  search:
    enabled: false
    variants: { v1: v1, v2: v2, v3: v3 }
    defaultVariant: v1
    rollout: { v2: 5, v1: 95 }
metadata: { flagSetId: shop }
)");
  ASSERT_TRUE(parsed.diagnostics.empty()) << all_text(parsed.diagnostics);
  ASSERT_EQ(parsed.flags.flags.size(), 2U);
  EXPECT_EQ(
      canonical_flag(parsed.flags.flags[0]),
      R"({"bucketing":"flagd-v2","defaultVariant":"off","key":"checkout","metadata":{"owner":"shop"},"state":"ENABLED",)"
      R"("targeting":{"fractional":[["on",25],["off",75]]},"tenant":"default","variants":{"off":false,"on":true}})");
  EXPECT_EQ(
      canonical_flag(parsed.flags.flags[1]),
      R"({"bucketing":"flagd-v2","defaultVariant":"v1","key":"search","state":"DISABLED",)"
      R"("targeting":{"fractional":[["v2",5],["v3",0],["v1",95]]},"tenant":"default","variants":{"v1":"v1","v2":"v2","v3":"v3"}})");
  EXPECT_EQ(canonical_flag_set_metadata(parsed.flags),
            R"({"metadata":{"flagSetId":"shop"},"tenant":"default"})");
}

TEST(ParseFlagFile, TheArrayFormHasKeysInside) {
  const ParsedFlags parsed = parse_flag_file(
      R"({"flags":[{"key":"a","state":"ENABLED","variants":{"x":1}},{"key":"b","state":"ENABLED","variants":{"x":1}}]})",
      "f.json", "t");
  EXPECT_TRUE(parsed.diagnostics.empty()) << all_text(parsed.diagnostics);
  ASSERT_EQ(parsed.flags.flags.size(), 2U);
  EXPECT_EQ(parsed.flags.flags[1].key, "b");
  EXPECT_EQ(parsed.flags.find("b"), &parsed.flags.flags[1]);
}

struct Mistake {
  const char* yaml;
  const char* text;  // the first diagnostic
};

TEST(ParseFlagFile, NamesPlaceAndMendOfEveryMistake) {
  const std::vector<Mistake> table = {
      {"", "f.yaml: error: the file is empty; start with 'flags:'"},
      {"- a\n", "f.yaml:1:1: error: the file is not a map; start with 'flags:'"},
      {"flag: {}\n", "f.yaml:1:1: error: no 'flags' in this file"},
      {"flags: 3\n", "f.yaml:1:8: error: 'flags' is neither a map nor a list"},
      {"flags:\n  a: {variants: {x: 1}, state: ENABLD}\n",
       "f.yaml:2:32: error: 'state' of flag 'a' is neither ENABLED nor DISABLED; write ENABLED or "
       "DISABLED"},
      {"flags:\n  a: {variants: {x: 1}, state: true}\n",
       "f.yaml:2:32: error: 'state' of flag 'a' is neither"},
      {"flags:\n  a: {variants: {x: 1}, enabled: yes}\n",
       "f.yaml:2:34: error: 'enabled' is a string; write true or false"},
      {"flags:\n  a: {variants: {x: 1}, enabled: true, state: ENABLED}\n",
       "f.yaml:2:34: error: flag 'a' has both 'state' and 'enabled'; keep one"},
      {"flags:\n  a: {state: ENABLED}\n", "f.yaml:2:3: error: flag 'a' has no 'variants'"},
      {"flags:\n  a: {state: ENABLED, variants: {}}\n",
       "f.yaml:2:33: error: flag 'a' has no variant; add one"},
      {"flags:\n  a: {state: ENABLED, variants: [on]}\n",
       "f.yaml:2:33: error: 'variants' is not a map"},
      {"flags:\n  a: {state: ENABLED, variants: {x: null}}\n",
       "f.yaml:2:37: error: variant 'x' is null"},
      {"flags:\n  a: {state: ENABLED, variants: {x: [1]}}\n",
       "f.yaml:2:37: error: variant 'x' is a list"},
      {"flags:\n  a: {state: ENABLED, variants: {'': 1}}\n",
       "f.yaml:2:34: error: the name of a variant is empty"},
      {"flags:\n  a: {state: ENABLED, variants: {on: true, off: false}, defaultVariant: offf}\n",
       "f.yaml:2:73: error: the default variant 'offf' of flag 'a' is not one of its variants; did "
       "you mean 'off'?"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, defaultVariant: true}\n",
       "f.yaml:2:57: error: 'defaultVariant' is a boolean; put the variant's name in quotes"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, defaultvariant: x}\n",
       "f.yaml:2:41: error: unknown key 'defaultvariant' in flag 'a'; did you mean "
       "'defaultVariant'?"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, description: hello}\n",
       "f.yaml:2:41: warning: unknown key 'description' in flag 'a' has no meaning; remove it"},
      {"flags:\n  a: {variants: {x: 1}}\n",
       "f.yaml:2:3: warning: flag 'a' has no 'state': it counts as ENABLED; add 'state: ENABLED'"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1, y: z}}\n",
       "f.yaml:2:43: warning: variant 'y' is a string, the first variant is a number; give all "
       "variants one type"},
      {"flags:\n  a:\n", "f.yaml:2:3: error: flag 'a' is not a map"},
      {"flags:\n  '': {}\n", "f.yaml:2:3: error: a flag's key is empty"},
      {"flags:\n  - {state: ENABLED, variants: {x: 1}}\n",
       "f.yaml:2:5: error: a flag in a list has no 'key'; add key: NAME"},
      {"flags:\n  - {key: a, state: ENABLED, variants: {x: 1}}\n  - {key: a, state: ENABLED, "
       "variants: {x: 1}}\n",
       "f.yaml:3:11: error: flag 'a' is defined twice; keep one"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}}\n  a: {state: ENABLED, variants: {x: 1}}\n",
       "f.yaml:3:3: error: 'a' appears twice; keep one"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, rollout: 5}\n",
       "f.yaml:2:50: error: 'rollout' is not a map"},
      {"flags:\n  a: {state: ENABLED, variants: {on: 1, off: 2}, rollout: {onn: 5}}\n",
       "f.yaml:2:60: error: flag 'a' has no variant 'onn'; did you mean 'on'?"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, rollout: {x: -5}}\n",
       "f.yaml:2:54: error: the weight of 'x' is not a whole number"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, rollout: {x: 2.5}}\n",
       "f.yaml:2:54: error: the weight of 'x' is not a whole number"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, rollout: {x: 0}}\n",
       "f.yaml:2:50: error: all weights are 0; give one variant a weight"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1, y: 2}, rollout: {x: 2147483647, y: 1}}\n",
       "f.yaml:2:56: error: the weights add up to more than 2147483647"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, rollout: {x: 1}, targeting: {var: x}}\n",
       "f.yaml:2:50: error: flag 'a' has both 'targeting' and 'rollout'"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, metadata: 5}\n",
       "f.yaml:2:51: error: 'metadata' is not a map"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, metadata: {k: {v: 1}}}\n",
       "f.yaml:2:55: warning: metadata 'k' is object"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, targeting: {$ref: ru}}\n$evaluators: {run: "
       "{var: x}}\n",
       "f.yaml:2:59: warning: no evaluator 'ru': evaluation will end in PARSE_ERROR; did you mean "
       "'run'?"},
      {"flags:\n  a: {state: ENABLED, variants: {x: 1}, targeting: {$ref: r}}\n$evaluators: {r: "
       "{cat: [{$ref: r}]}}\n",
       "error: evaluator 'r' refers to itself"},
      {"$evaluators: [1]\nflags: {}\n", "f.yaml:1:14: error: '$evaluators' is not a map"},
      {"$evaluators: {a: 1}\nflags: {}\n", "f.yaml:1:18: error: evaluator 'a' is not a rule"},
      {"metadata: [1]\nflags: {}\n", "f.yaml:1:11: error: 'metadata' is not a map"},
      {"flags: {}\nflagz: {}\n",
       "f.yaml:2:1: error: unknown key 'flagz' in the file; did you mean 'flags'?"},
  };
  for (const Mistake& mistake : table) {
    const ParsedFlags parsed = parse(mistake.yaml);
    ASSERT_FALSE(parsed.diagnostics.empty()) << mistake.yaml;
    EXPECT_THAT(all_text(parsed.diagnostics), HasSubstr(mistake.text)) << mistake.yaml;
  }
}

TEST(ParseFlagFile, FindsEveryMistakeInFileOrder) {
  const ParsedFlags parsed =
      parse("flags:\n  a: {state: X, variants: {x: 1}}\n  b: {state: ENABLED}\nmetadata: 3\n");
  ASSERT_EQ(parsed.diagnostics.size(), 3U) << all_text(parsed.diagnostics);
  EXPECT_EQ(parsed.diagnostics[0].line, 2U);
  EXPECT_EQ(parsed.diagnostics[1].line, 3U);
  EXPECT_EQ(parsed.diagnostics[2].line, 4U);
}

TEST(ParseFlagFile, ATenantIsALabel) {
  for (const char* tenant : {"", "A", "a_b", "-a", "a-", "a.b"}) {
    EXPECT_TRUE(has_errors(parse_flag_file("flags: {}", "f.yaml", tenant).diagnostics)) << tenant;
  }
  EXPECT_FALSE(has_errors(parse_flag_file("flags: {}", "f.yaml", "shop-1").diagnostics));
}

TEST(ParseFlagValue, ReadsAnApiBody) {
  const JsonValue body(JsonValue::Object{{"enabled", true},
                                         {"variants", JsonValue::Object{{"x", 1}, {"y", 2}}},
                                         {"rollout", JsonValue::Object{{"x", 1}}}});
  const ParsedFlags parsed = parse_flag_value(body, "f", "body", "default");
  ASSERT_TRUE(parsed.diagnostics.empty()) << all_text(parsed.diagnostics);
  EXPECT_EQ(canonical_json(parsed.flags.flags.at(0).targeting),
            R"({"fractional":[["x",1],["y",0]]})");
}

TEST(MergeFlagSets, RefusesWhatTwoFilesBothDefine) {
  ParsedFlags one = parse("flags:\n  a: {state: ENABLED, variants: {x: 1}}\nmetadata: {v: 1}\n");
  const ParsedFlags two =
      parse("flags:\n  b: {state: ENABLED, variants: {x: 1}}\nmetadata: {v: 1, w: 2}\n");
  Diagnostics out;
  merge_flag_sets(one.flags, two.flags, "two.yaml", out);
  EXPECT_TRUE(out.empty()) << all_text(out);
  EXPECT_EQ(one.flags.flags.size(), 2U);
  EXPECT_EQ(canonical_json(one.flags.metadata), R"({"v":1,"w":2})");
  const ParsedFlags three =
      parse("flags:\n  a: {state: ENABLED, variants: {x: 1}}\nmetadata: {v: 2}\n");
  merge_flag_sets(one.flags, three.flags, "three.yaml", out);
  EXPECT_EQ(all_text(out),
            "three.yaml:2:3: error: flag 'a' is defined twice; keep one\n"
            "three.yaml:3:12: error: metadata 'v' has another value in another file; keep one\n");
}

}  // namespace
}  // namespace flagmesh::flags
