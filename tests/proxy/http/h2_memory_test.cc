#include "proxy/http/h2_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace flagmesh::http {
namespace {

TEST(H2Memory, BlocksAreAlignedAndRecycled) {
  H2Memory memory;
  for (const size_t bytes : {1, 15, 16, 17, 48, 49, 100, 1000, 4000, 4080, 4096, 5000, 100'000}) {
    void* block = memory.allocate(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % alignof(std::max_align_t), 0U);
    memset(block, 0xab, bytes);
    memory.release(block);
  }
  EXPECT_EQ(memory.in_use(), 0U);
  const size_t before = memory.fresh_slabs();
  for (int i = 0; i < 100; ++i) memory.release(memory.allocate(1000));
  EXPECT_EQ(memory.fresh_slabs(), before);
}

// No two blocks overlap, whatever their sizes and the order in which they come and go.
TEST(H2Memory, BlocksAreApart) {
  H2Memory memory;
  struct Block {
    char* at;
    size_t bytes;
    char mark;
  };
  std::vector<Block> blocks;
  uint32_t random = 1;
  for (int i = 0; i < 20'000; ++i) {
    random = random * 1664525 + 1013904223;
    if (blocks.size() > 500 || (!blocks.empty() && random % 3 == 0)) {
      std::swap(blocks[(random >> 8) % blocks.size()], blocks.back());
      const Block block = blocks.back();
      blocks.pop_back();
      for (size_t n = 0; n < block.bytes; ++n) ASSERT_EQ(block.at[n], block.mark);
      memory.release(block.at);
    } else {
      const size_t bytes = (random >> 8) % (random % 50 == 0 ? 20'000 : 600);
      auto* at = static_cast<char*>(memory.allocate(bytes));
      const char mark = static_cast<char>(i);
      memset(at, mark, bytes);
      blocks.push_back({at, bytes, mark});
    }
  }
  for (const Block& block : blocks) memory.release(block.at);
  EXPECT_EQ(memory.in_use(), 0U);
}

TEST(H2Memory, SizesWasteLittle) {
  H2Memory memory;
  for (size_t bytes = 1; bytes <= 4096; ++bytes) {
    auto* first = static_cast<char*>(memory.allocate(bytes));
    auto* second = static_cast<char*>(memory.allocate(bytes));
    memset(first, 1, bytes);
    memset(second, 2, bytes);
    EXPECT_EQ(first[bytes - 1], 1) << bytes;
    memory.release(first);
    memory.release(second);
  }
}

TEST(H2Memory, ResizeKeepsWhatWasThere) {
  H2Memory memory;
  void* block = memory.resize(nullptr, 10);
  memcpy(block, "0123456789", 10);
  for (const size_t bytes : {20, 100, 5000, 100'000, 30}) {
    block = memory.resize(block, bytes);
    EXPECT_EQ(memcmp(block, "0123456789", 10), 0);
  }
  memory.release(block);
  memory.release(nullptr);
  EXPECT_EQ(memory.in_use(), 0U);
}

// What a burst took is used again, and the kernel has back what is over 4 MiB.
TEST(H2Memory, ABurstIsGivenBack) {
  H2Memory memory;
  std::vector<void*> blocks;
  for (int i = 0; i < 20'000; ++i) blocks.push_back(memset(memory.allocate(4000), 1, 4000));
  for (void* block : blocks) memory.release(block);
  const size_t before = memory.fresh_slabs();
  blocks.clear();
  for (int i = 0; i < 20'000; ++i) blocks.push_back(memory.allocate(4000));
  EXPECT_EQ(memory.fresh_slabs(), before);
  for (void* block : blocks) memory.release(block);
  EXPECT_EQ(memory.in_use(), 0U);
}

}  // namespace
}  // namespace flagmesh::http
