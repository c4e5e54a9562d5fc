// Compares with the cases of differential/cases.js, which need node and npm; skipped without them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "control/flags/canonical_json.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/parse.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

std::string evaluate(const JsonValue& row) {
  const ParsedFlags parsed =
      parse_flag_value(*row.find("flag"), row.find("key")->string(), "case", "t");
  if (has_errors(parsed.diagnostics)) return parsed.diagnostics.front().text();
  const auto flag = CompiledFlag::compile(parsed.flags.flags.at(0));
  if (!flag) return flag.error().text();
  const Evaluation e = (*flag)->evaluate(JsonContext(*row.find("context"), 1'700'000'000));
  return (e.variant == nullptr ? "null" : e.variant->name) + " " +
         std::string(reason_name(e.reason));
}

std::string expected(const JsonValue& row) {
  const JsonValue& variant = *row.find("variant");
  return (variant.is_null() ? "null" : variant.string()) + " " + row.find("reason")->string();
}

TEST(Differential, EvaluatesAsFlagdsJavaScriptDoes) {
  const char* const path = std::getenv("FLAGMESH_DIFFERENTIAL");  // NOLINT(concurrency-mt-unsafe)
  if (path == nullptr) GTEST_SKIP() << "flagd_differential runs this with a file of cases";
  std::ifstream file(path);
  std::string line;
  size_t cases = 0;
  size_t errors = 0;
  while (std::getline(file, line)) {
    const auto row = parse_json(line);
    ASSERT_TRUE(row) << line;
    ++cases;
    // Calculating with what is no number is an error there, and false or no result in flagd
    // (docs/flags.md).
    const bool is_error = expected(*row) == "null ERROR";
    errors += is_error ? 1 : 0;
    if (!is_error) {
      EXPECT_EQ(evaluate(*row), expected(*row)) << canonical_json(*row);
    }
  }
  EXPECT_GT(cases, 0U);
  RecordProperty("cases", static_cast<int>(cases));
  RecordProperty("errors", static_cast<int>(errors));
}

}  // namespace
}  // namespace flagmesh::flags
