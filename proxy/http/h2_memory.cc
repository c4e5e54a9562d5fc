#include "proxy/http/h2_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

namespace flagmesh::http {
namespace {

constexpr size_t kPage = 4096;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kWatched = true;
#elif defined(__has_feature)  // clang's way to say it, in the fuzz targets
constexpr bool kWatched = __has_feature(address_sanitizer);
#else
constexpr bool kWatched = false;
#endif

// In front of a watched block.
struct alignas(std::max_align_t) WatchedHead {
  size_t bytes;
};

void* allocate_watched(size_t bytes) {
  auto* head = static_cast<WatchedHead*>(std::malloc(sizeof(WatchedHead) + bytes));
  if (head == nullptr) return nullptr;
  head->bytes = bytes;
  return head + 1;
}
WatchedHead* watched(void* block) { return static_cast<WatchedHead*>(block) - 1; }

void* map(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

H2Memory::~H2Memory() {
  for (void* region : regions_) munmap(region, (kRegionSlabs + 1) * kSlabBytes);
}

// --- Sizes -------------------------------------------------------------------------------------------------------------

// Multiples of 16 up to 256; then each doubling in four steps.
size_t H2Memory::index_of(size_t bytes) {
  if (bytes <= 256) return bytes == 0 ? 0 : (bytes - 1) / 16;
  const auto octave = static_cast<size_t>(std::bit_width(bytes - 1)) - 9;  // 0: 257 to 512
  const size_t step = size_t{64} << octave;
  return 16 + octave * 4 + (bytes - (size_t{256} << octave) - 1) / step;
}

size_t H2Memory::size_of(size_t index) {
  if (index < 16) return (index + 1) * 16;
  const size_t octave = (index - 16) / 4;
  return (size_t{256} << octave) + ((index - 16) % 4 + 1) * (size_t{64} << octave);
}

H2Memory::Slab* H2Memory::slab_of(void* block) {
  return reinterpret_cast<Slab*>(reinterpret_cast<uintptr_t>(block) & ~(kSlabBytes - 1));
}

// --- Slabs -------------------------------------------------------------------------------------------------------------

bool H2Memory::map_region() {
  void* memory = map((kRegionSlabs + 1) * kSlabBytes);
  if (memory == nullptr) return false;
  regions_.push_back(memory);
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(memory) + kSlabBytes - 1) & ~(kSlabBytes - 1);
  region_ = {.begin = reinterpret_cast<char*>(begin), .left = kRegionSlabs};
  return true;
}

void H2Memory::link(Slab* slab) {
  slab->previous = nullptr;
  slab->next = room_[slab->index];
  if (slab->next != nullptr) slab->next->previous = slab;
  room_[slab->index] = slab;
}

void H2Memory::unlink(Slab* slab) {
  (slab->previous != nullptr ? slab->previous->next : room_[slab->index]) = slab->next;
  if (slab->next != nullptr) slab->next->previous = slab->previous;
}

H2Memory::Slab* H2Memory::any_slab() {
  if (Slab* slab = empty_; slab != nullptr) {
    empty_ = slab->next;
    --empty_count_;
    return slab;
  }
  if (region_.left == 0 && !map_region()) return nullptr;
  auto* slab = reinterpret_cast<Slab*>(region_.begin);
  region_.begin += kSlabBytes;
  --region_.left;
  ++fresh_slabs_;
  return slab;
}

H2Memory::Slab* H2Memory::take_slab(size_t index) {
  Slab* slab = any_slab();
  if (slab == nullptr) return nullptr;
  *slab = {.free = nullptr,
           .next = nullptr,
           .previous = nullptr,
           .size = static_cast<uint32_t>(size_of(index)),
           .index = static_cast<uint32_t>(index),
           .used = 0,
           .untouched = sizeof(Slab)};
  link(slab);
  return slab;
}

// The first page stays, for the list.
void H2Memory::push_empty(Slab* slab) {
  if (empty_count_ >= kKeptSlabs) {
    madvise(reinterpret_cast<char*>(slab) + kPage, kSlabBytes - kPage, MADV_DONTNEED);
  }
  slab->next = empty_;
  empty_ = slab;
  ++empty_count_;
}

// What does not fit into a slab either comes from the heap, aligned as slabs are.
void* H2Memory::allocate_large(size_t bytes) {
  const size_t whole = (sizeof(Slab) + bytes + kSlabBytes - 1) & ~(kSlabBytes - 1);
  Slab* slab = whole == kSlabBytes ? any_slab() : static_cast<Slab*>(std::aligned_alloc(kSlabBytes, whole));
  if (slab == nullptr) return nullptr;
  slab->size = static_cast<uint32_t>(whole - sizeof(Slab));
  ++in_use_;
  return slab + 1;
}

// --- Blocks ------------------------------------------------------------------------------------------------------------

void* H2Memory::allocate(size_t bytes) {
  if (kWatched) {
    ++in_use_;
    return allocate_watched(bytes);
  }
  if (bytes > kLargest) return allocate_large(bytes);
  const size_t index = index_of(bytes);
  Slab* slab = room_[index];
  if (slab == nullptr) [[unlikely]] {
    slab = take_slab(index);
    if (slab == nullptr) return nullptr;
  }
  void* block = slab->free;
  if (block != nullptr) {
    slab->free = slab->free->next;
  } else {
    block = reinterpret_cast<char*>(slab) + slab->untouched;
    slab->untouched += slab->size;
  }
  ++slab->used;
  ++in_use_;
  if (is_full(*slab)) unlink(slab);
  return block;
}

void H2Memory::release(void* block) {
  if (block == nullptr) return;
  --in_use_;
  if (kWatched) {
    std::free(watched(block));
    return;
  }
  Slab* slab = slab_of(block);
  if (slab->size > kLargest) {
    if (slab->size + sizeof(Slab) == kSlabBytes) {
      push_empty(slab);
    } else {
      std::free(slab);
    }
    return;
  }
  const bool was_full = is_full(*slab);
  auto* free = static_cast<Free*>(block);
  free->next = slab->free;
  slab->free = free;
  if (was_full) link(slab);
  // One of each size stays: a session that comes and goes is no reason to fill a slab anew.
  if (--slab->used != 0 || (slab->next == nullptr && slab->previous == nullptr)) return;
  unlink(slab);
  push_empty(slab);
}

void* H2Memory::resize(void* block, size_t bytes) {
  if (block == nullptr) return allocate(bytes);
  const size_t before = kWatched ? watched(block)->bytes : slab_of(block)->size;
  if (bytes <= before) return block;
  void* bigger = allocate(bytes);
  if (bigger == nullptr) return nullptr;
  memcpy(bigger, block, before);
  release(block);
  return bigger;
}

}  // namespace flagmesh::http
