#include "control/snapshot/path_regex.h"

#include <gtest/gtest.h>

#include "proxy/base/time.h"

namespace flagmesh::snapshot {
namespace {

TEST(PathRegex, FindsAnywhereUnlessAnchored) {
  const auto anchored = PathRegex::compile("^/u/[0-9]+$");
  ASSERT_TRUE(anchored);
  EXPECT_TRUE(anchored->matches("/u/17"));
  EXPECT_FALSE(anchored->matches("/u/17/"));
  EXPECT_FALSE(anchored->matches("/u/17\n")) << "$ is the end, not a line's end";
  EXPECT_FALSE(anchored->matches("/x/u/17"));
  const auto loose = PathRegex::compile("\\.(png|jpg)$");
  ASSERT_TRUE(loose);
  EXPECT_TRUE(loose->matches("/static/a.png"));
  EXPECT_FALSE(loose->matches("/static/a.png.exe"));
}

TEST(PathRegex, BytesNotCharacters) {
  const auto regex = PathRegex::compile("^/.$");
  ASSERT_TRUE(regex);
  EXPECT_TRUE(regex->matches("/\xff"));
  EXPECT_FALSE(regex->matches("/\xc3\xa9"));
}

TEST(PathRegex, MistakesSayWhere) {
  const auto regex = PathRegex::compile("^/u/[0-9+$");
  ASSERT_FALSE(regex);
  EXPECT_EQ(regex.error().code, "bad_regex");
  EXPECT_EQ(regex.error().message,
            "regular expression, at character 11: missing terminating ] for character class");
  EXPECT_FALSE(PathRegex::compile(""));
  EXPECT_FALSE(PathRegex::compile("(a"));
  EXPECT_FALSE(PathRegex::compile("*"));
  EXPECT_FALSE(PathRegex::compile(std::string(PathRegex::kPatternBytes + 1, 'a')));
  EXPECT_TRUE(PathRegex::compile(std::string(PathRegex::kPatternBytes, 'a')));
}

TEST(PathRegex, ACleverPathBuysNoTime) {
  const auto regex = PathRegex::compile("^/(a+)+$");
  ASSERT_TRUE(regex);
  const std::string path = "/" + std::string(3000, 'a') + "!";
  const MonoNs before = mono_ns();
  for (int i = 0; i < 100; i++) EXPECT_FALSE(regex->matches(path));
  EXPECT_LT(mono_ns() - before, 5'000'000'000u);  // unbounded it is 2^3000 steps
}

TEST(PathRegex, LongPathsMatchNothing) {
  const auto regex = PathRegex::compile("^/");
  ASSERT_TRUE(regex);
  EXPECT_TRUE(regex->matches("/" + std::string(PathRegex::kPathBytes - 1, 'a')));
  EXPECT_FALSE(regex->matches("/" + std::string(PathRegex::kPathBytes, 'a')));
}

}  // namespace
}  // namespace flagmesh::snapshot
