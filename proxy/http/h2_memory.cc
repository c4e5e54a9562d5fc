#include "proxy/http/h2_memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

namespace flagmesh::http {

H2Memory::~H2Memory() {
  for (Head* head : free_) {
    while (head != nullptr) {
      Head* next = head->next;
      std::free(head);
      head = next;
    }
  }
}

// kClasses for what is too large for a list.
size_t H2Memory::class_of(size_t bytes) {
  if (bytes <= kSmallest) return 0;
  return std::min<size_t>(
      kClasses, static_cast<size_t>(std::bit_width(bytes - 1) - std::bit_width(kSmallest - 1)));
}

H2Memory::Head* H2Memory::from_heap(size_t bytes) {
  ++heap_blocks_;
  return static_cast<Head*>(std::malloc(bytes));
}

void* H2Memory::allocate(size_t bytes) {
  bytes += sizeof(Head);
  const size_t index = class_of(bytes);
  Head* head = nullptr;
  if (index == kClasses) {
    head = from_heap(bytes);
  } else {
    bytes = kSmallest << index;
    head = free_[index];
    if (head != nullptr) {
      free_[index] = head->next;
      kept_ -= bytes;
    } else {
      head = from_heap(bytes);
    }
  }
  if (head == nullptr) return nullptr;
  head->bytes = bytes;
  ++in_use_;
  return head + 1;
}

void H2Memory::release(void* block) {
  if (block == nullptr) return;
  Head* head = static_cast<Head*>(block) - 1;
  --in_use_;
  const size_t index = class_of(head->bytes);
  if (index == kClasses || kept_ + head->bytes > kKeptBytes) {
    std::free(head);
    return;
  }
  head->next = free_[index];
  free_[index] = head;
  kept_ += head->bytes;
}

void* H2Memory::resize(void* block, size_t bytes) {
  if (block == nullptr) return allocate(bytes);
  const size_t before = (static_cast<Head*>(block) - 1)->bytes - sizeof(Head);
  if (bytes <= before) return block;
  void* bigger = allocate(bytes);
  if (bigger == nullptr) return nullptr;
  memcpy(bigger, block, before);
  release(block);
  return bigger;
}

}  // namespace flagmesh::http
