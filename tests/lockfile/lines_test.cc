#include "lockfile/lines.h"

#include <gtest/gtest.h>

namespace flagmesh::lockfile {
namespace {

TEST(Lines, TakesWordByWord) {
  Lines lines("one first\ntwo second part\nlast\n", "bad");
  EXPECT_TRUE(lines.at("one"));
  EXPECT_FALSE(lines.at("on"));
  EXPECT_EQ(lines.take("one").value(), "first");
  EXPECT_EQ(lines.take("two").value(), "second part");
  EXPECT_EQ(lines.rest(), "last\n");
  EXPECT_EQ(lines.take().value(), "last");
  EXPECT_TRUE(lines.at_end());
  EXPECT_FALSE(lines.take());
}

TEST(Lines, ErrorsNameTheLine) {
  Lines lines("one first\nother x\nno end", "bad");
  ASSERT_TRUE(lines.take("one"));
  EXPECT_EQ(lines.take("two").error().text(), "line 2: a line with 'two' belongs here");
  EXPECT_EQ(lines.take().error().place, "line 3");
}

TEST(Lines, NamesAreText) {
  EXPECT_TRUE(is_line_text("a b/\u00E9=="));
  for (const std::string& bad : {std::string(), std::string("a\nb"), std::string("a\0b", 3),
                                 std::string("\x7F"), std::string("\xFF")})
    EXPECT_FALSE(is_line_text(bad));
}

}  // namespace
}  // namespace flagmesh::lockfile
