#include "proxy/http/headers.h"

#include <gtest/gtest.h>

#include <string>

namespace flagmesh::http {
namespace {

class Headers : public testing::Test {
 protected:
  std::string text() const {
    std::string out;
    for (const Field& field : list_) {
      if (!field.erased) out.append(field.name).append("=").append(field.value).append(" ");
    }
    return out;
  }
  void add(std::string_view name, std::string_view value) {
    ASSERT_TRUE(list_.add(arena_, header_id(name), name, value));
  }

  BlockPool pool_;
  Arena arena_{pool_};
  HeaderList list_;
};

TEST_F(Headers, FindsByIdAndByName) {
  add("Host", "h");
  add("X-A", "1");
  add("x-a", "2");
  add("Cookie", "a");
  add("cookie", "b");
  EXPECT_EQ(list_.value(HeaderId::kHost), "h");
  EXPECT_EQ(list_.value(HeaderId::kVia), "");
  EXPECT_FALSE(list_.has(HeaderId::kVia));
  const Field* cookie = list_.find(HeaderId::kCookie);
  ASSERT_NE(cookie, nullptr);
  EXPECT_EQ(cookie->value, "a");
  cookie = list_.next(cookie);
  ASSERT_NE(cookie, nullptr);
  EXPECT_EQ(cookie->value, "b");
  EXPECT_EQ(list_.next(cookie), nullptr);
  const Field* a = list_.find("X-a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->value, "1");
  EXPECT_EQ(list_.next(a)->value, "2");
  EXPECT_EQ(list_.find("COOKIE"), list_.find(HeaderId::kCookie));
  EXPECT_EQ(list_.find("x-b"), nullptr);
}

TEST_F(Headers, RemovesAndSets) {
  add("Via", "1");
  add("X-A", "1");
  add("via", "2");
  add("x-A", "2");
  list_.remove("X-a");
  EXPECT_EQ(text(), "Via=1 via=2 ");
  EXPECT_TRUE(list_.set(arena_, HeaderId::kVia, "3"));
  EXPECT_EQ(text(), "via=3 ");
  EXPECT_EQ(list_.value(HeaderId::kVia), "3");
  list_.remove("VIA");
  EXPECT_EQ(text(), "");
  EXPECT_FALSE(list_.has(HeaderId::kVia));
  list_.remove(HeaderId::kVia);
  add("Via", "4");
  EXPECT_EQ(list_.value(HeaderId::kVia), "4");
}

TEST_F(Headers, ErasingTheFirstLeavesTheNext) {
  add("Via", "1");
  add("Host", "h");
  add("Via", "2");
  list_.erase(*list_.begin());
  EXPECT_EQ(list_.value(HeaderId::kVia), "2");
  list_.erase(*list_.begin());
  EXPECT_EQ(list_.value(HeaderId::kVia), "2");
  list_.erase(list_.begin()[2]);
  EXPECT_FALSE(list_.has(HeaderId::kVia));
  EXPECT_EQ(text(), "Host=h ");
}

TEST_F(Headers, GrowsUpToItsLimit) {
  for (size_t i = 0; i < HeaderList::kMaxFields; ++i) {
    ASSERT_TRUE(list_.add(arena_, i == 249 ? HeaderId::kVia : HeaderId::kOther, "x", "y"));
  }
  EXPECT_FALSE(list_.add(arena_, HeaderId::kHost, "z"));
  EXPECT_FALSE(list_.has(HeaderId::kHost));
  EXPECT_EQ(list_.size(), HeaderList::kMaxFields);
  EXPECT_EQ(list_.find(HeaderId::kVia), list_.begin() + 249);
  list_.clear();
  EXPECT_EQ(list_.size(), 0u);
  EXPECT_FALSE(list_.has(HeaderId::kVia));
  EXPECT_FALSE(list_.reserve(arena_, HeaderList::kMaxFields + 1));
}

TEST_F(Headers, ReservedTableDoesNotMove) {
  add("a", "1");
  ASSERT_TRUE(list_.reserve(arena_, 40));
  const Field* first = list_.begin();
  for (int i = 0; i < 39; ++i) add("b", "2");
  EXPECT_EQ(list_.begin(), first);
  EXPECT_EQ(list_.begin()->value, "1");
}

}  // namespace
}  // namespace flagmesh::http
