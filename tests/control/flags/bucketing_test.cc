#include "control/flags/bucketing.h"

#include <gtest/gtest.h>

namespace flagmesh::flags {
namespace {

TEST(Murmur3, HashesAtTheEdgesOfTheRange) {
  EXPECT_EQ(murmur3("ejOoVL"), 0U);
  EXPECT_EQ(murmur3("bY9fO-"), 1U);
  EXPECT_EQ(murmur3("SI7p-"), 2147483647U);
  EXPECT_EQ(murmur3("6LvT0"), 2147483648U);
  EXPECT_EQ(murmur3("ceQdGm"), 4294967295U);
  EXPECT_EQ(murmur3(""), 0U);
}

TEST(Murmur3, PiecesHashLikeTheWhole) {
  const std::string_view text = "fractional-flag\xC3\xA9 and more";
  for (size_t i = 0; i <= text.size(); ++i) {
    for (size_t j = i; j <= text.size(); ++j) {
      Murmur3 hash;
      hash.update(text.substr(0, i));
      hash.update(text.substr(i, j - i));
      hash.update(text.substr(j));
      ASSERT_EQ(hash.finish(), murmur3(text)) << i << " " << j;
    }
  }
}

TEST(Bucket, SpansTheWholeRange) {
  EXPECT_EQ(bucket_of(0, 100), 0U);
  EXPECT_EQ(bucket_of(2147483647, 2), 0U);
  EXPECT_EQ(bucket_of(2147483648, 2), 1U);
  EXPECT_EQ(bucket_of(4294967295, 100), 99U);
  EXPECT_EQ(bucket_of(4294967295, 2147483647), 2147483646U);
}

}  // namespace
}  // namespace flagmesh::flags
