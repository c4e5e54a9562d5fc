#include "control/flags/evaluators.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"
#include "control/flags/model.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

std::string inlined(std::string_view targeting, std::string_view evaluators, Diagnostics& out) {
  return canonical_json(inline_refs(*parse_json(targeting), *parse_json(evaluators), "f", out));
}

TEST(Evaluators, ArePutWhereTheyAreUsedAndMayUseEachOther) {
  Diagnostics out;
  EXPECT_EQ(inlined(R"({"if":[{"$ref":"a"},"x",[{"$ref":"b"}]]})",
                    R"({"a":{"!":{"$ref":"b"}},"b":{"var":"x"}})", out),
            R"({"if":[{"!":{"var":"x"}},"x",[{"var":"x"}]]})");
  EXPECT_TRUE(out.empty());
}

TEST(Evaluators, AMissingOneStaysAndIsAWarning) {
  Diagnostics out;
  EXPECT_EQ(inlined(R"({"$ref":"zz"})", "null", out), R"({"$ref":"zz"})");
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].severity, Severity::kWarning);
}

TEST(Evaluators, CirclesAndClashesAreErrors) {
  Diagnostics out;
  EXPECT_EQ(inlined(R"({"$ref":"a"})", R"({"a":{"!":{"$ref":"b"}},"b":{"!":{"$ref":"a"}}})", out),
            "null");
  EXPECT_EQ(inlined(R"({"var":"y","$ref":"a"})", R"({"a":{"var":"x"}})", out), "null");
  ASSERT_EQ(out.size(), 2U);
  EXPECT_TRUE(has_errors({out[0]}) && has_errors({out[1]}));
}

TEST(Evaluators, GrowthIsBounded) {
  std::string evaluators = R"({"e0":{"var":"x"})";
  for (int i = 1; i < 30; ++i) {
    const std::string ref = R"({"$ref":"e)" + std::to_string(i - 1) + "\"}";
    evaluators += ",\"e" + std::to_string(i) + R"(":{"or":[)" + ref + "," + ref + "]}";
  }
  evaluators += "}";
  Diagnostics out;
  EXPECT_EQ(inlined(R"({"$ref":"e29"})", evaluators, out), "null");
  ASSERT_EQ(out.size(), 1U);
  EXPECT_NE(out[0].message.find("more than 20000 values"), std::string::npos);
}

}  // namespace
}  // namespace flagmesh::flags
