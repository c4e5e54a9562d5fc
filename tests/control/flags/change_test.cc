#include "control/flags/change.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"
#include "control/flags/parse.h"

namespace flagmesh::flags {
namespace {

FlagDefinition flag(const std::string& targeting) {
  ParsedFlags parsed = parse_flag_file(
      R"({"flags":{"f":{"state":"ENABLED","variants":{"on":1,"off":2,"beta":3},"defaultVariant":"off","targeting":)" +
          targeting + "}}}",
      "f.json", "t");
  EXPECT_FALSE(has_errors(parsed.diagnostics)) << parsed.diagnostics.front().text();
  return parsed.flags.flags.at(0);
}

std::string changed(const std::string& targeting, const Weights& weights) {
  const auto result = set_rollout(flag(targeting), weights);
  return result ? canonical_json(result->targeting) : result.error().code;
}

TEST(SetRollout, ChangesWeightsInPlaceAndNeverTheOrder) {
  EXPECT_EQ(changed(R"({"fractional":[["on",25],["off",75]]})", {{"off", 50}, {"on", 50}}),
            R"({"fractional":[["on",50],["off",50]]})");
  EXPECT_EQ(changed(R"({"fractional":[["on"],["beta",3],["off",75]]})", {{"on", 1}}),
            R"({"fractional":[["on",1],["beta",0],["off",0]]})");
  EXPECT_EQ(
      changed(R"({"fractional":[{"var":"team"},["on",25],["off",75]]})", {{"on", 100}, {"off", 0}}),
      R"({"fractional":[{"var":"team"},["on",100],["off",0]]})");
  EXPECT_EQ(changed(R"({"fractional":["seed",["on",25],["off",75]]})", {{"on", 1}}),
            R"({"fractional":["seed",["on",1],["off",0]]})");
}

TEST(SetRollout, RefusesWhatIsNotClear) {
  EXPECT_EQ(changed("null", {{"on", 1}}), "no_fractional");
  EXPECT_EQ(changed(R"({"fractional":[["on",1],["off",{"var":"w"}]]})", {{"on", 1}}),
            "computed_fractional");
  EXPECT_EQ(changed(R"({"fractional":[["on",1],[{"var":"v"},1]]})", {{"on", 1}}),
            "computed_fractional");
  EXPECT_EQ(changed(R"({"fractional":[["on",1],["on",1]]})", {{"on", 1}}), "computed_fractional");
  EXPECT_EQ(changed(R"({"fractional":[{"fractional":[["on",1]]},["on",1]]})", {{"on", 1}}),
            "several_fractionals");
  const std::string plain = R"({"fractional":[["on",25],["off",75]]})";
  EXPECT_EQ(changed(plain, {{"beta", 1}}), "unknown_variant");
  EXPECT_EQ(changed(plain, {{"on", -1}, {"off", 2}}), "bad_weights");
  EXPECT_EQ(changed(plain, {{"on", 0}}), "bad_weights");
  EXPECT_EQ(changed(plain, {}), "bad_weights");
  EXPECT_EQ(changed(plain, {{"on", 1}, {"on", 2}}), "bad_weights");
  EXPECT_EQ(changed(plain, {{"on", 2147483647}, {"off", 1}}), "bad_weights");
  EXPECT_EQ(set_rollout(flag(plain), {{"onn", 1}}).error().mend, "did you mean 'on'?");
}

TEST(RolloutOf, ReadsTheWeights) {
  EXPECT_EQ(*rollout_of(flag(R"({"fractional":[["on"],["off",75]]})")),
            (Weights{{"on", 1}, {"off", 75}}));
  EXPECT_FALSE(rollout_of(flag("null")));
}

TEST(SetEnabled, ChangesOnlyTheState) {
  const FlagDefinition before = flag(R"({"fractional":[["on",25],["off",75]]})");
  const auto off = set_enabled(before, false);
  EXPECT_EQ(off->state, FlagState::kDisabled);
  EXPECT_EQ(set_enabled(*off, true)->state, FlagState::kEnabled);
  EXPECT_EQ(off->targeting, before.targeting);
}

TEST(Kill, ServesOneVariantToAll) {
  FlagDefinition before = flag(R"({"fractional":[["on",25],["off",75]]})");
  before.state = FlagState::kDisabled;
  const auto killed = kill(before, "on");
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->default_variant, "on");
  EXPECT_TRUE(killed->targeting.is_null());
  EXPECT_EQ(killed->state, FlagState::kEnabled);
  EXPECT_EQ(kill(before, "ofg").error().code, "unknown_variant");
  EXPECT_EQ(kill(before, "ofg").error().mend, "did you mean 'off'?");
}

}  // namespace
}  // namespace flagmesh::flags
