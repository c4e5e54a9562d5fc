#include "proxy/http/h1_fields.h"

#include <gtest/gtest.h>

#include <string>

namespace flagmesh::http {
namespace {

class H1Fields : public testing::Test {
 protected:
  H1Error parse(std::string_view text, size_t max_fields = 10) {
    const std::string block = std::string(text) + "\r\n\r\n";
    LineEnds lines;
    size_t position = 0;
    EXPECT_EQ(scan_lines(block, 0, lines, position), Scan::kEnd);
    list_.clear();
    return parse_fields(copy_block(block, arena_), lines, 0, max_fields, arena_, list_);
  }

  BlockPool pool_;
  Arena arena_{pool_};
  HeaderList list_;
};

TEST_F(H1Fields, NamesAndValues) {
  ASSERT_EQ(parse("Host: a\r\nX-B:\t c  d \r\nEmpty:\r\nUrl: http://x"), H1Error::kNone);
  ASSERT_EQ(list_.size(), 4u);
  EXPECT_EQ(list_.value(HeaderId::kHost), "a");
  EXPECT_EQ(list_.find("x-b")->value, "c  d");
  EXPECT_EQ(list_.find("empty")->value, "");
  EXPECT_EQ(list_.find("url")->value, "http://x");
}

// The colon is looked for in steps of sixteen.
TEST_F(H1Fields, NamesOfEveryLength) {
  for (size_t size = 1; size < 70; ++size) {
    const std::string name(size, 'n');
    ASSERT_EQ(parse(name + ": v\r\n" + name + "2:w"), H1Error::kNone) << size;
    EXPECT_EQ(list_.begin()->name, name);
    EXPECT_EQ(list_.begin()->value, "v");
    // The colon of the next line is not this one's.
    EXPECT_EQ(parse(name + "\r\nb: c"), H1Error::kBadHeaderName) << size;
  }
}

TEST_F(H1Fields, WholeLines) {
  ASSERT_EQ(parse("A: b\r\nA:b\r\nA:  b\r\nA: b \r\nA: \r\nA:"), H1Error::kNone);
  std::string marks;
  for (const Field& field : list_) marks += field.whole_line ? '1' : '0';
  EXPECT_EQ(marks, "100010");
}

TEST_F(H1Fields, Limits) {
  EXPECT_EQ(parse("a: b\r\na: b", 2), H1Error::kNone);
  EXPECT_EQ(parse("a: b\r\na: b\r\na: b", 2), H1Error::kHeadersTooLarge);
  std::string many = "a: b";
  for (size_t i = 0; i < HeaderList::kMaxFields; ++i) many += "\r\na: b";
  EXPECT_EQ(parse(many, 10000), H1Error::kHeadersTooLarge);
}

TEST_F(H1Fields, Refused) {
  EXPECT_EQ(parse("A : b"), H1Error::kSpaceBeforeColon);
  EXPECT_EQ(parse(" A: b"), H1Error::kObsFold);
  EXPECT_EQ(parse("A: b\r\n\tc"), H1Error::kObsFold);
  EXPECT_EQ(parse(": b"), H1Error::kBadHeaderName);
  EXPECT_EQ(parse("A B : b"), H1Error::kBadHeaderName);
}

}  // namespace
}  // namespace flagmesh::http
