// A histogram of nanoseconds with a relative error below 1/64 at any size, in fixed memory.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace flagmesh::bench {

class Histogram {
 public:
  void record(int64_t ns) {
    const uint64_t value = ns > 0 ? static_cast<uint64_t>(ns) : 0;
    ++counts_[index_of(value)];
    ++total_;
  }
  uint64_t total() const { return total_; }

  // Nanoseconds that the fraction `q` of all values does not exceed; 0 when empty.
  double quantile(double q) const {
    const double wanted = q * static_cast<double>(total_);
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > 0 && static_cast<double>(seen) >= wanted) return middle_of(i);
    }
    return 0;
  }

 private:
  // Values below 64 have a bucket each; every doubling above has 64 buckets of equal width.
  static constexpr unsigned kSubBits = 6;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits;

  static size_t index_of(uint64_t value) {
    if (value < (1u << kSubBits)) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
    return ((shift + 1) << kSubBits) + ((value >> shift) - (1u << kSubBits));
  }
  static double middle_of(size_t index) {
    if (index < (1u << kSubBits)) return static_cast<double>(index);
    const unsigned shift = static_cast<unsigned>(index >> kSubBits) - 1;
    const uint64_t low = ((1u << kSubBits) + (index & ((1u << kSubBits) - 1))) << shift;
    return static_cast<double>(low) + static_cast<double>(uint64_t{1} << shift) / 2;
  }

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t total_ = 0;
};

}  // namespace flagmesh::bench
