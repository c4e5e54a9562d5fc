#include "proxy/base/arena.h"

#include <cstdlib>
#include <new>

namespace flagmesh {

BlockPool::~BlockPool() {
  while (free_ != nullptr) {
    Free* next = free_->next;
    ::operator delete(free_);
    free_ = next;
  }
}

void* BlockPool::acquire() {
  if (free_ == nullptr) return ::operator new(kBlockBytes);
  Free* block = free_;
  free_ = block->next;
  --count_;
  return block;
}

void BlockPool::release(void* block) {
  if (count_ >= kept_) {
    ::operator delete(block);
    return;
  }
  free_ = new (block) Free{free_};
  ++count_;
}

std::string_view Arena::join(std::string_view a, std::string_view b, std::string_view c,
                             std::string_view d) {
  const size_t size = a.size() + b.size() + c.size() + d.size();
  if (size == 0) return {};
  char* to = static_cast<char*>(allocate(size, 1));
  char* end = to;
  for (const std::string_view piece : {a, b, c, d}) {
    if (!piece.empty()) memcpy(end, piece.data(), piece.size());
    end += piece.size();
  }
  return {to, size};
}

void* Arena::allocate_slow(size_t bytes, size_t align) {
  constexpr size_t kHead = (sizeof(Block) + alignof(std::max_align_t) - 1) &
                           ~(alignof(std::max_align_t) - 1);
  if (bytes + align > BlockPool::kBlockBytes - kHead) {
    char* memory = static_cast<char*>(::operator new(kHead + bytes));
    large_ = new (memory) Large{large_};
    return memory + kHead;
  }
  block_ = new (pool_.acquire()) Block{block_};
  const size_t start = (kHead + align - 1) & ~(align - 1);
  used_ = start + bytes;
  return reinterpret_cast<char*>(block_) + start;
}

void Arena::reset() {
  while (block_ != nullptr) {
    Block* previous = block_->previous;
    pool_.release(block_);
    block_ = previous;
  }
  while (large_ != nullptr) {
    Large* previous = large_->previous;
    ::operator delete(large_);
    large_ = previous;
  }
  used_ = 0;
}

}  // namespace flagmesh
