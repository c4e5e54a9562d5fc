#include "proxy/http/tokens.h"

#include <gtest/gtest.h>

#include <string>

namespace flagmesh::http {
namespace {

std::string items(std::string_view text) {
  CommaList list(text);
  std::string out;
  std::string_view item;
  while (list.next(item)) out.append("[").append(item).append("]");
  return out;
}

TEST(Tokens, Token) {
  EXPECT_TRUE(is_token("GET"));
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09"));
  EXPECT_FALSE(is_token(""));
  for (const char c : std::string_view("\0\t\r\n \"(),/:;<=>?@[\\]{}\x7f\x80\xff", 25))
    EXPECT_FALSE(is_token_char(c));
}

TEST(Tokens, Case) {
  EXPECT_TRUE(equals_ignore_case("Keep-Alive", "keep-aLIVE"));
  EXPECT_FALSE(equals_ignore_case("a", "ab"));
  // Only letters: these differ in 0x20 too.
  EXPECT_FALSE(equals_ignore_case("[", "{"));
  EXPECT_FALSE(equals_ignore_case("@", "`"));
}

TEST(Tokens, Trim) {
  EXPECT_EQ(trim(" \t a b\t "), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("\r\n"), "\r\n");
}

TEST(Tokens, Lists) {
  EXPECT_EQ(items("a"), "[a]");
  EXPECT_EQ(items("a, b ,\tc"), "[a][b][c]");
  EXPECT_EQ(items("a,,b"), "[a][][b]");
  EXPECT_EQ(items(",a,"), "[][a][]");
  EXPECT_EQ(items(""), "");
  EXPECT_EQ(items(" "), "[]");
  EXPECT_TRUE(has_token("a, Close , b", "close"));
  EXPECT_FALSE(has_token("closed, not close", "close"));
  EXPECT_FALSE(has_token("", "close"));
}

TEST(Tokens, Hex) {
  EXPECT_EQ(hex_value('0'), 0);
  EXPECT_EQ(hex_value('9'), 9);
  EXPECT_EQ(hex_value('a'), 10);
  EXPECT_EQ(hex_value('F'), 15);
  for (const char c : std::string_view("/:@G`g")) EXPECT_EQ(hex_value(c), -1);
}

}  // namespace
}  // namespace flagmesh::http
