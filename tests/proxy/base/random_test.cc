#include "proxy/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string_view>

namespace flagmesh {
namespace {

TEST(Random, BelowIsUniform) {
  Rng rng;
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[rng.below(7)];
  // 10,000 expected, standard deviation 93; ten of them.
  for (const int count : counts) EXPECT_NEAR(count, 10000, 930);
  EXPECT_EQ(rng.below(1), 0u);
}

TEST(Random, GeneratorsDiffer) {
  std::set<uint64_t> seen;
  for (int i = 0; i < 100; ++i) seen.insert(Rng().next());
  EXPECT_EQ(seen.size(), 100u);
}

TEST(Random, BytesDiffer) {
  std::array<uint8_t, 32> a{};
  std::array<uint8_t, 32> b{};
  random_bytes(a);
  random_bytes(b);
  EXPECT_NE(a, b);
  random_bytes({});
}

TEST(Random, Hex) {
  std::array<char, 32> text;
  write_hex(0x0123456789abcdef, 0xfedcba9876543210, text.data());
  EXPECT_EQ(std::string_view(text.data(), text.size()), "0123456789abcdeffedcba9876543210");
}

}  // namespace
}  // namespace flagmesh
