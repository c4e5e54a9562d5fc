#include "control/flags/evaluators.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"
#include "control/flags/model.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

std::string inlined(std::string_view targeting, std::string_view evaluators, Diagnostics& out) {
  return canonical_json(inline_refs(*parse_json(targeting), *parse_json(evaluators), {}, "f", out));
}

std::string with_segments(std::string_view targeting, std::string_view segments, Diagnostics& out) {
  return canonical_json(inline_refs(*parse_json(targeting), {}, *parse_json(segments), "f", out));
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

TEST(Segments, ArePutWhereTheyAreUsed) {
  Diagnostics out;
  const std::string segments =
      R"({"staff":["alice","bob"],"beta":{"or":[{"segment":"staff"},{"var":"beta"}]}})";
  EXPECT_EQ(with_segments(R"({"if":[{"segment":"beta"},"on"]})", segments, out),
            R"({"if":[{"or":[{"in":[{"var":"targetingKey"},["alice","bob"]]},{"var":"beta"}]},"on"]})");
  EXPECT_EQ(with_segments(R"({"segment":["staff","beta"]})", R"({"staff":["a"],"beta":{"!":1}})", out),
            R"({"or":[{"in":[{"var":"targetingKey"},["a"]]},{"!":1}]})");
  EXPECT_TRUE(out.empty());
}

TEST(Segments, MistakesAreErrors) {
  const struct {
    const char* targeting;
    const char* segments;
    const char* message;
  } kRows[] = {
      {R"({"segment":"staf"})", R"({"staff":["a"]})", "no segment 'staf'"},
      {R"({"segment":"x"})", "null", "no segment 'x'"},
      {R"({"segment":7})", "{}", "names no segment"},
      {R"({"segment":[]})", "{}", "names no segment"},
      {R"({"segment":[7]})", "{}", "name is no text"},
      {R"({"segment":"a"})", R"({"a":{"!":{"segment":"b"}},"b":{"!":{"segment":"a"}}})", "refers to itself"},
  };
  for (const auto& row : kRows) {
    Diagnostics out;
    EXPECT_EQ(with_segments(row.targeting, row.segments, out), "null");
    ASSERT_EQ(out.size(), 1U) << row.targeting;
    EXPECT_NE(out[0].message.find(row.message), std::string::npos) << out[0].message;
  }
  Diagnostics out;
  check_segments(*parse_json(R"({"a":["x"],"b":{"!":1},"c":7,"d":{},"e":[1]})"), "f", out);
  EXPECT_EQ(out.size(), 3U);
}

TEST(Segments, GrowthIsBounded) {
  std::string segments = R"({"s0":{"var":"x"})";
  for (int i = 1; i < 30; ++i) {
    const std::string use = R"({"segment":"s)" + std::to_string(i - 1) + "\"}";
    segments += ",\"s" + std::to_string(i) + R"(":{"or":[)" + use + "," + use + "]}";
  }
  Diagnostics out;
  EXPECT_EQ(with_segments(R"({"segment":"s29"})", segments + "}", out), "null");
  ASSERT_EQ(out.size(), 1U);
  EXPECT_NE(out[0].message.find("more than 20000 values"), std::string::npos);
}

}  // namespace
}  // namespace flagmesh::flags
