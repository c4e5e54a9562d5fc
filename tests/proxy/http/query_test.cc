#include "proxy/http/query.h"

#include <gtest/gtest.h>

namespace flagmesh::http {
namespace {

class Query : public testing::Test {
 protected:
  Lookup find(std::string_view query, std::string_view name) {
    return find_query_parameter(query, name, arena_);
  }

  BlockPool pool_;
  Arena arena_{pool_};
};

TEST_F(Query, Decoded) {
  EXPECT_EQ(find("a=1&b=x%20y+z&c", "a").value, "1");
  EXPECT_EQ(find("a=1&b=x%20y+z&c", "b").value, "x y z");
  EXPECT_EQ(find("a=1&b=x%20y+z&c", "c").found, Found::kOnce);
  EXPECT_EQ(find("a=1&b=x%20y+z&c", "c").value, "");
  EXPECT_EQ(find("%61%5b%5D=1", "a[]").value, "1");
  EXPECT_EQ(find("a=b=c", "a").value, "b=c");
  EXPECT_EQ(find("a=%c3%A9", "a").value, "\xc3\xa9");
}

TEST_F(Query, MalformedEscapesStandForThemselves) {
  EXPECT_EQ(find("a=100%", "a").value, "100%");
  EXPECT_EQ(find("a=%4", "a").value, "%4");
  EXPECT_EQ(find("a=%zz%41", "a").value, "%zzA");
}

TEST_F(Query, AbsentOrRepeated) {
  EXPECT_EQ(find("", "a").found, Found::kAbsent);
  EXPECT_EQ(find("&&b=1", "a").found, Found::kAbsent);
  EXPECT_EQ(find("ab=1", "a").found, Found::kAbsent);
  EXPECT_EQ(find("a=1&a=1", "a").found, Found::kRepeated);
  EXPECT_EQ(find("a=1&%61=2", "a").found, Found::kRepeated);
  EXPECT_EQ(find("a=1&%61=2", "a").value, "1");
}

TEST_F(Query, PlainValuesAreNotCopied) {
  const std::string_view query = "x=1&a=plain";
  EXPECT_EQ(find(query, "a").value.data(), query.data() + 6);
}

}  // namespace
}  // namespace flagmesh::http
