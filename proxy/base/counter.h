// A number that one thread writes and others read now and then: statistics.
#pragma once

#include <atomic>
#include <cstdint>

namespace flagmesh {

// Single writer: add() is a plain load and store, no locked instruction. Any thread may read; it sees each value a moment late.
class Counter {
 public:
  void add(uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void sub(uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace flagmesh
