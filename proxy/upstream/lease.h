// A limit for the whole process that workers share without an atomic operation per request.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace flagmesh::upstream {

// The process's part: how much of the limit no worker has leased.
class LimitPool {
 public:
  LimitPool(uint32_t limit, uint32_t workers)
      : free_(static_cast<int64_t>(limit)),
        batch_(std::max<uint32_t>(1, limit / (kShares * std::max(1U, workers)))) {}

  uint32_t batch() const { return batch_; }
  // Unused places that a worker may hold on to: none of a small limit, or those who need one would never get it.
  uint32_t kept() const { return batch_ == 1 ? 0 : 2 * batch_ - 1; }
  // How many workers have requests that wait for a place: others then give back what they do not use.
  void want() { wanted_.fetch_add(1, std::memory_order_relaxed); }
  void unwant() { wanted_.fetch_sub(1, std::memory_order_relaxed); }
  bool wanted() const { return wanted_.load(std::memory_order_relaxed) != 0; }
  // Up to `wanted`; 0 when nothing is left.
  uint32_t take(uint32_t wanted) {
    int64_t have = free_.load(std::memory_order_relaxed);
    while (have > 0) {
      const int64_t got = std::min<int64_t>(have, wanted);
      if (free_.compare_exchange_weak(have, have - got, std::memory_order_relaxed)) {
        return static_cast<uint32_t>(got);
      }
    }
    return 0;
  }
  // Another limit from now on; places in use beyond it are not taken away.
  void change_limit(uint32_t before, uint32_t now) {
    free_.fetch_add(int64_t{now} - int64_t{before}, std::memory_order_relaxed);
  }
  void give_back(uint32_t count) { free_.fetch_add(count, std::memory_order_relaxed); }

 private:
  // Workers together hold at most an eighth of the limit unused.
  static constexpr uint32_t kShares = 16;

  std::atomic<int64_t> free_;
  std::atomic<uint32_t> wanted_{0};
  uint32_t batch_;
};

// A worker's part, on its thread. The sum of all workers' use never exceeds the limit; a worker keeps fewer than two batches that it does
// not use (LimitPool::kept), so that others do not starve.
class Lease {
 public:
  explicit Lease(LimitPool& pool) : pool_(pool) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { pool_.give_back(leased_ - used_); }

  bool acquire() {
    if (used_ == leased_) {
      leased_ += pool_.take(pool_.batch());
      if (used_ == leased_) return false;
    }
    ++used_;
    return true;
  }
  void release() {
    --used_;
    const uint32_t unused = leased_ - used_;
    if (unused <= pool_.kept() && !pool_.wanted()) return;
    const uint32_t back = pool_.wanted() ? unused : pool_.batch();
    pool_.give_back(back);
    leased_ -= back;
  }
  uint32_t used() const { return used_; }

 private:
  LimitPool& pool_;
  uint32_t leased_ = 0;
  uint32_t used_ = 0;
};

}  // namespace flagmesh::upstream
