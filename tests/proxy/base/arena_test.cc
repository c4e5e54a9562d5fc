#include "proxy/base/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

namespace flagmesh {
namespace {

TEST(BlockPool, GivesTheHottestBlockAgain) {
  BlockPool pool;
  void* a = pool.acquire();
  void* b = pool.acquire();
  pool.release(a);
  pool.release(b);
  EXPECT_EQ(pool.acquire(), b);
  EXPECT_EQ(pool.acquire(), a);
  pool.release(a);
  pool.release(b);
}

// The sanitizer sees that blocks beyond `kept` and those of the pool are freed.
TEST(BlockPool, KeepsNoMoreThanAsked) {
  BlockPool pool(1);
  void* a = pool.acquire();
  void* b = pool.acquire();
  pool.release(a);
  pool.release(b);
  EXPECT_EQ(pool.acquire(), a);
  pool.release(a);
}

TEST(Arena, AlignsAndKeepsApart) {
  BlockPool pool;
  Arena arena(pool);
  std::vector<std::pair<char*, size_t>> given;
  for (size_t i = 1; i < 600; ++i) {
    const size_t align = size_t{1} << (i % 5);
    const size_t bytes = i * 7 % 97 + 1;
    auto* p = static_cast<char*>(arena.allocate(bytes, align));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u);
    memset(p, static_cast<int>(i), bytes);
    given.emplace_back(p, bytes);
  }
  for (size_t i = 1; i < 600; ++i) {
    const auto& [p, bytes] = given[i - 1];
    for (size_t j = 0; j < bytes; ++j) ASSERT_EQ(p[j], static_cast<char>(i));
  }
}

TEST(Arena, SizesAroundABlock) {
  BlockPool pool;
  Arena arena(pool);
  for (size_t bytes = BlockPool::kBlockBytes - 64; bytes < BlockPool::kBlockBytes + 64; ++bytes) {
    for (const size_t align : {1, 8, 16}) {
      auto* p = static_cast<char*>(arena.allocate(bytes, align));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % align, 0u);
      memset(p, 1, bytes);
      arena.reset();
    }
  }
}

TEST(Arena, LargeRequestsDoNotEndTheCurrentBlock) {
  BlockPool pool;
  Arena arena(pool);
  auto* a = static_cast<char*>(arena.allocate(16, 1));
  memset(arena.allocate(100000), 1, 100000);
  EXPECT_EQ(arena.allocate(16, 1), a + 16);
}

TEST(Arena, ResetGivesTheSameMemoryAgain) {
  BlockPool pool;
  Arena arena(pool);
  std::set<void*> first;
  for (int i = 0; i < 10; ++i) first.insert(arena.allocate(3000));
  arena.reset();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(first.contains(arena.allocate(3000)));
}

TEST(Arena, CopiesAndJoins) {
  BlockPool pool;
  Arena arena(pool);
  std::string text = "hello";
  const std::string_view copy = arena.copy(text);
  text = "-----";
  EXPECT_EQ(copy, "hello");
  EXPECT_EQ(arena.copy(""), "");
  EXPECT_EQ(arena.join("a", "", "bc", "d"), "abcd");
  EXPECT_EQ(arena.join("", ""), "");
  EXPECT_EQ(arena.join(std::string(5000, 'x'), "y").size(), 5001u);
}

}  // namespace
}  // namespace flagmesh
