#include "proxy/base/output.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace flagmesh {
namespace {

std::string gathered(const Output& out) {
  std::array<iovec, 64> iov;
  std::string text;
  const size_t count = out.gather(iov);
  for (size_t i = 0; i < count; ++i)
    text.append(static_cast<char*>(iov[i].iov_base), iov[i].iov_len);
  return text;
}

std::string rest(const Output& out, size_t skip) {
  std::string text;
  out.rest(skip, [&](std::string_view piece) { text += piece; });
  return text;
}

TEST(Output, CopiesSmallAndBorrowsLarge) {
  const std::string large(Output::kBorrowBytes, 'L');
  std::string small = "small";
  Output out;
  out.append("head ");
  out.borrow(small);
  out.borrow(large);
  out.append("");
  out.append("tail");
  small = "-----";
  EXPECT_EQ(gathered(out), "head small" + large + "tail");
  EXPECT_EQ(out.size(), 14 + large.size());
  std::array<iovec, 8> iov;
  ASSERT_EQ(out.gather(iov), 3u);
  EXPECT_EQ(iov[1].iov_base, large.data());
}

// Copied parts stay right when their memory moves.
TEST(Output, GrowsBehindBorrowedParts) {
  const std::string large(5000, 'L');
  Output out;
  std::string model;
  for (int i = 0; i < 20; ++i) {
    const std::string piece(1500, static_cast<char>('a' + i));
    out.append(piece);
    out.borrow(large);
    model += piece + large;
  }
  EXPECT_EQ(gathered(out), model);
  EXPECT_EQ(out.size(), model.size());
}

TEST(Output, RestSkips) {
  const std::string large(2000, 'L');
  Output out;
  out.append("abc");
  out.borrow(large);
  out.append("def");
  const std::string all = gathered(out);
  for (const size_t skip : {size_t{0}, size_t{1}, size_t{3}, size_t{4}, size_t{2002}, size_t{2003},
                            size_t{2005}, size_t{2006}}) {
    EXPECT_EQ(rest(out, skip), all.substr(skip)) << skip;
  }
}

TEST(Output, GathersAsManyAsFit) {
  const std::string large(2000, 'L');
  Output out;
  for (int i = 0; i < 5; ++i) {
    out.append("x");
    out.borrow(large);
  }
  std::array<iovec, 3> iov;
  EXPECT_EQ(out.gather(iov), 3u);
}

TEST(Output, ReservedBytesCountWhenCommitted) {
  Output out;
  memcpy(out.reserve(10000), "abc", 3);
  EXPECT_TRUE(out.empty());
  out.commit(3);
  out.append("d");
  EXPECT_EQ(gathered(out), "abcd");
  out.clear();
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(gathered(out), "");
}

}  // namespace
}  // namespace flagmesh
