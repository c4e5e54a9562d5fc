#include "control/flags/utf8.h"

#include <gtest/gtest.h>

namespace flagmesh::flags {
namespace {

TEST(Utf8, TakesEveryCodePointAndReadsItBack) {
  for (char32_t point = 0; point <= 0x10FFFF; point += point < 0x900 ? 1 : 37) {
    if (point >= 0xD800 && point <= 0xDFFF) continue;
    std::string text;
    append_utf8(point, text);
    ASSERT_FALSE(utf8_error(text)) << static_cast<uint32_t>(point);
    size_t at = 0;
    ASSERT_EQ(static_cast<uint32_t>(next_code_point(text, at)), static_cast<uint32_t>(point));
    ASSERT_EQ(at, text.size());
  }
}

TEST(Utf8, NamesTheFirstBadByte) {
  using namespace std::string_view_literals;
  EXPECT_EQ(utf8_error("ab\x80"sv), 2U);
  EXPECT_EQ(utf8_error("\xC0\xAF"sv), 0U);          // overlong '/'
  EXPECT_EQ(utf8_error("\xE0\x9F\xBF"sv), 0U);      // overlong
  EXPECT_EQ(utf8_error("x\xED\xA0\x80"sv), 1U);     // surrogate
  EXPECT_EQ(utf8_error("\xF4\x90\x80\x80"sv), 0U);  // above U+10FFFF
  EXPECT_EQ(utf8_error("\xF0\x8F\xBF\xBF"sv), 0U);  // overlong
  EXPECT_EQ(utf8_error("12345678\xE2\x82"sv), 8U);  // cut short
  EXPECT_FALSE(utf8_error("12345678\xE2\x82\xAC tail of it"sv));
}

TEST(Utf8, MarksCountLinesAndBytes) {
  const Mark mark = mark_of("a\nbc\nd", 3);
  EXPECT_EQ(mark.line, 2U);
  EXPECT_EQ(mark.column, 2U);
  EXPECT_EQ(mark_of("", 0).line, 1U);
}

}  // namespace
}  // namespace flagmesh::flags
