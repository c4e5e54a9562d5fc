// Memory for HTTP/2 sessions: blocks of few sizes on free lists, so that requests allocate nothing
// after warm-up.
#pragma once

#include <array>
#include <cstddef>

namespace flagmesh::http {

// Owned by one worker, used on its thread, outlives the sessions that use it. Blocks above 4 KiB
// come from the heap, and so do those beyond what the lists keep.
class H2Memory {
 public:
  H2Memory() = default;
  H2Memory(const H2Memory&) = delete;
  H2Memory& operator=(const H2Memory&) = delete;
  ~H2Memory();

  // As malloc, free and realloc: aligned for anything; null when the heap is exhausted.
  void* allocate(size_t bytes);
  void release(void* block);
  void* resize(void* block, size_t bytes);

  // Blocks handed out and not given back, for tests.
  size_t in_use() const { return in_use_; }
  // Blocks that came from the heap so far, for tests.
  size_t heap_blocks() const { return heap_blocks_; }

 private:
  static constexpr size_t kSmallest = 64;
  static constexpr size_t kClasses = 7;  // 64 to 4096 bytes
  static constexpr size_t kKeptBytes = 4 * 1024 * 1024;

  // In front of each block; while it is free, `next` is in use.
  struct alignas(std::max_align_t) Head {
    size_t bytes;  // with this head
    Head* next;
  };
  static size_t class_of(size_t bytes);
  Head* from_heap(size_t bytes);

  std::array<Head*, kClasses> free_{};
  size_t kept_ = 0;
  size_t in_use_ = 0;
  size_t heap_blocks_ = 0;
};

}  // namespace flagmesh::http
