// Memory for HTTP/2 sessions: blocks of few sizes cut from slabs, so that requests allocate nothing
// after warm-up and an idle connection holds little more than it asked for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flagmesh::http {

// Owned by one worker, used on its thread, outlives the sessions that use it. A block has no head of its
// own: its slab, which begins at a multiple of kSlabBytes, knows its size. A block above 4 KiB has a slab for
// itself: nghttp2 asks for one of 16 KiB for each session, of which it writes to the first bytes only, and
// pages that nobody writes to cost nothing. With AddressSanitizer each block comes from the heap, which is
// watched.
class H2Memory {
 public:
  H2Memory() = default;
  H2Memory(const H2Memory&) = delete;
  H2Memory& operator=(const H2Memory&) = delete;
  ~H2Memory();

  // As malloc, free and realloc: aligned for anything; null when there is no memory.
  void* allocate(size_t bytes);
  void release(void* block);
  void* resize(void* block, size_t bytes);

  // Blocks handed out and not given back, for tests.
  size_t in_use() const { return in_use_; }
  // Slabs that were filled with new memory so far, for tests.
  size_t fresh_slabs() const { return fresh_slabs_; }

 private:
  static constexpr size_t kSlabBytes = 64 * 1024;
  static constexpr size_t kRegionSlabs = 64;  // mapped at a time
  static constexpr size_t kLargest = 4096;
  static constexpr size_t kKeptSlabs = 64;    // empty ones that keep their pages
  static constexpr size_t kSizes = 16 + 4 * 4;  // 16, 32 … 256, then four to each doubling

  struct Free {
    Free* next;
  };
  // At the beginning of its 64 KiB.
  struct alignas(64) Slab {
    Free* free;
    Slab* next;      // with room, of the same size; or empty ones
    Slab* previous;
    uint32_t size;   // bytes of a block
    uint32_t index;  // of that size
    uint32_t used;
    uint32_t untouched;  // where blocks begin that were never handed out
  };
  static size_t index_of(size_t bytes);
  static size_t size_of(size_t index);
  static Slab* slab_of(void* block);
  static bool is_full(const Slab& slab) { return slab.free == nullptr && slab.untouched + slab.size > kSlabBytes; }
  Slab* any_slab();
  Slab* take_slab(size_t index);
  void give_back(Slab* slab);
  bool map_region();
  void link(Slab* slab);
  void unlink(Slab* slab);
  void* allocate_large(size_t bytes);
  void push_empty(Slab* slab);

  std::array<Slab*, kSizes> room_{};  // slabs with a free block
  Slab* empty_ = nullptr;             // newest first; those behind the first kKeptSlabs have lost their pages
  size_t empty_count_ = 0;
  std::vector<void*> regions_;
  struct Region {
    char* begin = nullptr;
    size_t left = 0;  // slabs
  } region_;
  size_t in_use_ = 0;
  size_t fresh_slabs_ = 0;
};

}  // namespace flagmesh::http
