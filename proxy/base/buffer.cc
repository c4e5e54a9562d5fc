#include "proxy/base/buffer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace flagmesh {

void Buffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (end_ + bytes.size() > capacity_) {
    const size_t held = size();
    if (held + bytes.size() <= capacity_ && begin_ >= capacity_ / 2) {
      memmove(memory_, memory_ + begin_, held);
    } else {
      const size_t wanted = std::max<size_t>({size_t{1024}, held + bytes.size(), held * 2});
      char* memory = static_cast<char*>(malloc(wanted));
      if (memory == nullptr) throw std::bad_alloc();
      if (held != 0) memcpy(memory, memory_ + begin_, held);
      const uint32_t before = capacity_;
      free(memory_);
      memory_ = memory;
      if (buffered_bytes != nullptr) buffered_bytes->add(wanted - before);
      capacity_ = static_cast<uint32_t>(wanted);
    }
    begin_ = 0;
    end_ = static_cast<uint32_t>(held);
  }
  memcpy(memory_ + end_, bytes.data(), bytes.size());
  end_ += static_cast<uint32_t>(bytes.size());
}

void Buffer::release() {
  free(memory_);
  memory_ = nullptr;
  if (buffered_bytes != nullptr) buffered_bytes->sub(capacity_);
}

}  // namespace flagmesh
