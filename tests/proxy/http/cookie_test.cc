#include "proxy/http/cookie.h"

#include <gtest/gtest.h>

namespace flagmesh::http {
namespace {

class Cookie : public testing::Test {
 protected:
  void add(std::string_view value) { list_.add(arena_, HeaderId::kCookie, value); }

  BlockPool pool_;
  Arena arena_{pool_};
  HeaderList list_;
};

TEST_F(Cookie, FoundInAnyField) {
  add("a=1; b = 2 ;c=x=y;;d; =e");
  add("f=\"q\"");
  EXPECT_EQ(find_cookie(list_, "a").value, "1");
  EXPECT_EQ(find_cookie(list_, "b").value, "2");
  EXPECT_EQ(find_cookie(list_, "c").value, "x=y");
  EXPECT_EQ(find_cookie(list_, "f").value, "\"q\"");
  EXPECT_EQ(find_cookie(list_, "f").found, Found::kOnce);
  EXPECT_EQ(find_cookie(list_, "d").found, Found::kAbsent);
  EXPECT_EQ(find_cookie(list_, "A").found, Found::kAbsent);
}

TEST_F(Cookie, Repeated) {
  add("a=1; b=1; a=1");
  add("b=2");
  EXPECT_EQ(find_cookie(list_, "a").found, Found::kRepeated);
  EXPECT_EQ(find_cookie(list_, "b").found, Found::kRepeated);
  EXPECT_EQ(find_cookie(list_, "b").value, "1");
}

TEST_F(Cookie, EmptyIsNotAbsent) {
  EXPECT_EQ(find_cookie(list_, "a").found, Found::kAbsent);
  add("a=");
  EXPECT_EQ(find_cookie(list_, "a").found, Found::kOnce);
  EXPECT_EQ(find_cookie(list_, "a").value, "");
}

}  // namespace
}  // namespace flagmesh::http
