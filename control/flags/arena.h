// Memory of one evaluation: everything is freed at its end, at once.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

namespace flagmesh::flags {

// Lives on the stack. The first kilobyte costs nothing; more comes from the heap, up to a limit.
class Arena {
 public:
  static constexpr size_t kInlineBytes = 1024;
  static constexpr size_t kMaxBytes = 1024 * 1024;

  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Memory of its own (even when empty: it tells two empty lists apart) for `count` objects that
  // need no destructor, aligned to 8; null pointer beyond kMaxBytes in all.
  template <class T>
  T* allocate(size_t count) noexcept {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 8);
    if (count > kMaxBytes / sizeof(T)) {
      full_ = true;
      return nullptr;
    }
    return reinterpret_cast<T*>(bytes((count * sizeof(T) + 8) & ~size_t{7}));
  }

  // An allocation failed: what was computed since is worth nothing.
  bool full() const noexcept { return full_; }

 private:
  char* bytes(size_t size) noexcept {
    if (size <= kInlineBytes - used_) {
      char* const at = inline_.data() + used_;
      used_ += size;
      return at;
    }
    char* const at = size <= kMaxBytes - on_heap_ ? new (std::nothrow) char[size] : nullptr;
    if (at == nullptr) {
      full_ = true;
      return nullptr;
    }
    on_heap_ += size;
    heap_.emplace_back(at);
    return at;
  }

  alignas(8) std::array<char, kInlineBytes> inline_;  // not initialised: it is only written to
  size_t used_ = 0;
  size_t on_heap_ = 0;
  bool full_ = false;
  std::vector<std::unique_ptr<char[]>> heap_;
};

}  // namespace flagmesh::flags
