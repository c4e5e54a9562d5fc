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
  const size_t before = memory.heap_blocks();
  for (int i = 0; i < 100; ++i) memory.release(memory.allocate(1000));
  EXPECT_EQ(memory.heap_blocks(), before);
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

TEST(H2Memory, KeepsABoundedAmount) {
  H2Memory memory;
  std::vector<void*> blocks;
  for (int i = 0; i < 4000; ++i) blocks.push_back(memory.allocate(4000));
  for (void* block : blocks) memory.release(block);
  const size_t before = memory.heap_blocks();
  blocks.clear();
  for (int i = 0; i < 4000; ++i) blocks.push_back(memory.allocate(4000));
  EXPECT_GT(memory.heap_blocks() - before, 2000U);  // 16 MB were not kept
  for (void* block : blocks) memory.release(block);
}

}  // namespace
}  // namespace flagmesh::http
