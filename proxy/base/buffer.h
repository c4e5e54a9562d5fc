// Bytes that wait: a contiguous queue that holds memory only while it holds bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "proxy/base/counter.h"

namespace flagmesh {

// What all buffers of this thread hold is counted here; null: nowhere. Set by the thread itself before it makes any.
inline thread_local Counter* buffered_bytes = nullptr;

// Append at the end, consume from the front. Emptying it gives its memory back, so an idle connection's buffers cost
// sizeof(Buffer). Not for more than 4 GiB: callers stop at a watermark (proxy/limits.h).
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() { clear(); }

  bool empty() const { return begin_ == end_; }
  size_t size() const { return end_ - begin_; }
  std::string_view view() const { return {memory_ + begin_, size()}; }

  void append(std::string_view bytes);
  void consume(size_t bytes) {
    begin_ += static_cast<uint32_t>(bytes);
    if (begin_ == end_) clear();
  }
  void clear() {
    if (memory_ != nullptr) release();
    begin_ = end_ = capacity_ = 0;
  }
  void swap(Buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void release();

  char* memory_ = nullptr;
  uint32_t begin_ = 0;
  uint32_t end_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace flagmesh
