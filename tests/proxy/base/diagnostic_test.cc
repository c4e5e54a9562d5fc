#include "proxy/base/diagnostic.h"

#include <gtest/gtest.h>

namespace flagmesh {
namespace {

TEST(Diagnostic, Text) {
  EXPECT_EQ(
      (Diagnostic{Severity::kError, "f.yaml", 12, 5, "unknown key", "did you mean 'a'?"}.text()),
      "f.yaml:12:5: error: unknown key; did you mean 'a'?");
  EXPECT_EQ((Diagnostic{Severity::kWarning, "f.yaml", 12, 0, "odd", ""}.text()),
            "f.yaml:12: warning: odd");
  EXPECT_EQ((Diagnostic{Severity::kError, "f.yaml", 0, 0, "empty", ""}.text()),
            "f.yaml: error: empty");
}

TEST(Diagnostic, HasErrors) {
  Diagnostic warning;
  warning.severity = Severity::kWarning;
  EXPECT_FALSE(has_errors({}));
  EXPECT_FALSE(has_errors({warning}));
  EXPECT_TRUE(has_errors({warning, Diagnostic()}));
}

TEST(Diagnostic, Nearest) {
  const std::vector<std::string> words{"endpoints", "timeout", "retries"};
  EXPECT_EQ(nearest("endpoint", words), "endpoints");
  EXPECT_EQ(nearest("timeuot", words), "timeout");
  EXPECT_EQ(nearest("retires", words), "retries");
  EXPECT_EQ(nearest("colour", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest("x", {}), "");
}

}  // namespace
}  // namespace flagmesh
