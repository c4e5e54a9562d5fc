#include "control/flags/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/flags/parse.h"

namespace flagmesh::flags {
namespace {

std::string lint(const std::string& targeting) {
  const std::string file =
      R"({"flags":{"f":{"state":"ENABLED","defaultVariant":"off","variants":{"on":1,"off":2,"clubs":3,"true":4},"targeting":)" +
      targeting + "}}}";
  const ParsedFlags parsed = parse_flag_file(file, "f.json", "t");
  std::string out;
  for (const Diagnostic& d : parsed.diagnostics) out += d.text() + "\n";
  return out;
}

TEST(Lint, CorrectRulesAreNotMentioned) {
  for (
      const char* targeting : {
          R"({})",
          R"(null)",
          R"({"if":[{"==":[{"var":"a"},1]},"on"]})",
          R"({"if":[{"===":[{"var":"env"},"production"]}]})",
          R"({"fractional":[["clubs",1]]})",
          R"({"fractional":[{"cat":[{"var":"$flagd.flagKey"},{"var":"email"}]},["on",{"-":[{"var":"$flagd.timestamp"},1740000000]}],["off",100]]})",
          R"({"fractional":[["clubs",1],[true,1],[{"fractional":[["on",25],["off"]]},1]]})",
          R"({"if":[{"sem_ver":[{"var":"version"},"~","3.0.0"]},"on",null]})",
          R"({"if":[{"starts_with":[{"var":"id"},"abc"]},"on",{"if":[{"ends_with":[{"var":"id"},"xyz"]},"off",null]}]})",
          R"({"if":[{"<":[1,2,3]},"on","off"]})",
          R"({"if":[{"!":true},"on"]})",
          R"({"if":[{"in":["Spring","Springfield"]},true]})",
          R"({"if":[{"reduce":[{"var":"l"},{"+":[{"var":"current"},{"var":"accumulator"}]},0]},"on"]})",
          R"({"if":[{"missing":["a","b"]},"on",{"missing_some":[1,["a"]]},"off"]})",
          R"({"if":[{"var":["a",false]},"on"]})",
      }) {
    EXPECT_EQ(lint(targeting), "") << targeting;
  }
}

TEST(Lint, OddRulesGetAWarningAndNoError) {
  const std::pair<const char*, const char*> table[] = {
      {R"({"not-a-real-rule":[1,2]})", "unknown operation 'not-a-real-rule'"},
      {R"({"fractionl":[["on",1]]})", "did you mean 'fractional'?"},
      {R"({"if":[true,"on"],"or":[]})", "a map of several keys is not an operation"},
      {R"({"if":[{"==":[1]},"on"]})", "'==' with 1 operands; it takes 2"},
      {R"({"if":[{"substr":["a"]},"on"]})", "it takes 2 to 3"},
      {R"({"if":[{"and":[]},"on"]})", "it takes 1 or more"},
      {R"({"fractional":[["on",25],["off",-25]]})", "a weight is not a whole number"},
      {R"({"fractional":[["on",25],["off",25.5]]})", "never decides"},
      {R"({"fractional":[["on",25],["off","25"]]})", "a weight is not a whole number"},
      {R"({"fractional":["invalid",["on",25],["off",25]]})", "the same for everybody"},
      {R"({"fractional":[["on",0],["off",0]]})", "are 0: it never decides"},
      {R"({"fractional":[["on",2147483647],["off",1]]})", "more than 2147483647"},
      {R"({"fractional":[["on",1],"off"]})", "not a list of variant and weight"},
      {R"({"fractional":[["onn",1]]})", "did you mean 'on'?"},
      {R"({"if":[{"ends_with":[{"var":"id"},0]},"on","off"]})",
       "'ends_with' with a number never decides"},
      {R"({"if":[{"starts_with":[{"var":"id"},0]},"on","off"]})",
       "'starts_with' with a number never decides"},
      {R"({"if":[{"sem_ver":[{"var":"v"},"*","2.0.0"]},"on","off"]})", "unknown comparison"},
      {R"({"if":[{"sem_ver":[{"var":"v"},"=","2.0.0.0"]},"on","off"]})", "no version"},
      {R"({"if":[{"==":[{"var":"$flagd.invalidProp"},{"var":"x"}]},"on","off"]})",
       "unknown property '$flagd.invalidProp'"},
      {R"({"if":[true,"yes","no"]})", "the result 'yes' is not one of its variants"},
      {R"({"if":[true,5]})", "the result is a number"},
      {R"("on")", "targeting is a string, not a rule"},
  };
  for (const auto& [targeting, message] : table) {
    EXPECT_THAT(lint(targeting), testing::HasSubstr(message)) << targeting;
    EXPECT_THAT(lint(targeting), testing::Not(testing::HasSubstr("error:"))) << targeting;
  }
}

TEST(Lint, WarningsHaveTheirPlace) {
  const ParsedFlags parsed = parse_flag_file(
      "flags:\n  f:\n    state: ENABLED\n    variants: {on: 1}\n    targeting:\n      if:\n        "
      "- {startswith: [a, b]}\n        - on\n",
      "f.yaml", "t");
  ASSERT_EQ(parsed.diagnostics.size(), 1U);
  EXPECT_EQ(parsed.diagnostics[0].text(),
            "f.yaml:7:12: warning: flag 'f': unknown operation 'startswith': evaluation will end "
            "in PARSE_ERROR; did you mean 'starts_with'?");
}

}  // namespace
}  // namespace flagmesh::flags
