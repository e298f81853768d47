#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tercel::load {

// Durations counted in log-linear buckets: each power of two is cut into 2^precision_bits equal parts, so that a value is
// known to 1 part in 2^precision_bits wherever it lies (the idea of Gil Tene's HdrHistogram). Recording is a shift and an
// add. observe/histogram.h is no substitute: its buckets grow by 1.6, and the server counts with it. One thread.
class LogHistogram {
 public:
  static constexpr int kExponentMax = 42;  // values of 2^42 ns (73 minutes) and more share the last bucket

  explicit LogHistogram(int precision_bits = 8)
      : bits_(precision_bits), counts_(static_cast<size_t>(kExponentMax - precision_bits + 1) << precision_bits) {}

  void record(int64_t ns) {
    const uint64_t value = ns < 0 ? 0 : static_cast<uint64_t>(ns);
    ++counts_[bucket_of(value)];
    ++count_;
    if (ns > max_) max_ = ns;
  }
  void add(const LogHistogram& other);  // of the same precision

  uint64_t count() const { return count_; }
  int64_t max() const { return max_; }
  // The value with this rank in ascending order, 1 the smallest; the highest value of its bucket. `rank` in 1..count().
  int64_t at_rank(uint64_t rank) const;
  // How many values are certainly at most `ns`: those of the buckets that end there or before.
  uint64_t count_at_most(int64_t ns) const;

  // f(lowest, highest, count) for every bucket that holds something, ascending.
  template <typename F>
  void for_each(F&& f) const {
    for (size_t i = 0; i < counts_.size(); ++i)
      if (counts_[i] > 0) f(lowest(i), highest(i), uint64_t{counts_[i]});
  }

 private:
  size_t bucket_of(uint64_t value) const {
    if (value >> kExponentMax) return counts_.size() - 1;
    if (value >> bits_ == 0) return static_cast<size_t>(value);
    const int shift = 63 - std::countl_zero(value) - bits_;
    return (static_cast<size_t>(shift) << bits_) + static_cast<size_t>(value >> shift);
  }
  int64_t lowest(size_t bucket) const;
  int64_t highest(size_t bucket) const { return lowest(bucket + 1) - 1; }

  int bits_;
  std::vector<uint32_t> counts_;
  uint64_t count_ = 0;
  int64_t max_ = 0;
};

}  // namespace tercel::load
