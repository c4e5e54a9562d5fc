// Memory for one stream: bump allocation over blocks that a worker recycles, given back all at once.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace flagmesh {

// A free list of fixed-size blocks, last in first out so that the hottest block is used next. Owned by one worker and used on
// its thread only. Blocks beyond `kept` go back to the heap.
class BlockPool {
 public:
  // Not a page: what streams begin with would then compete for the same sets of the first-level cache.
  static constexpr size_t kBlockBytes = 4096 + 3 * 64;

  explicit BlockPool(size_t kept = 4096) : kept_(kept) {}
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  void* acquire();
  void release(void* block);

 private:
  struct Free {
    Free* next;
  };
  Free* free_ = nullptr;
  size_t count_ = 0;
  size_t kept_;
};

// Allocates and never frees singly; reset() gives everything back. Nothing in it is destroyed, so only trivially
// destructible things may live there. An empty arena holds no block. One request larger than a block gets a heap block of its own.
class Arena {
 public:
  explicit Arena(BlockPool& pool) : pool_(pool) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { reset(); }

  void* allocate(size_t bytes, size_t align = alignof(std::max_align_t)) {
    const size_t start = (used_ + align - 1) & ~(align - 1);
    if (block_ != nullptr && start + bytes <= BlockPool::kBlockBytes) {
      used_ = start + bytes;
      return reinterpret_cast<char*>(block_) + start;
    }
    return allocate_slow(bytes, align);
  }
  template <class T>
  T* allocate_array(size_t count) {
    return static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = static_cast<char*>(allocate(text.size(), 1));
    memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }
  // Two to four pieces joined.
  std::string_view join(std::string_view a, std::string_view b, std::string_view c = {},
                        std::string_view d = {});

  void reset();

 private:
  struct Block {
    Block* previous;
  };
  struct Large {
    Large* previous;
  };
  void* allocate_slow(size_t bytes, size_t align);

  BlockPool& pool_;
  Block* block_ = nullptr;
  Large* large_ = nullptr;
  size_t used_ = 0;
};

}  // namespace flagmesh
