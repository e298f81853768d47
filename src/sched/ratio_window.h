#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tercel::sched {

// The last N ratios of measured to expected time, and any quantile of them: the nearest-rank sample quantile (type 1 of
// Hyndman & Fan, "Sample Quantiles in Statistical Packages", 1996) over a sliding window. Memory is fixed, an observation
// costs one shift of a small array, and what it promises can be said in a sentence: the k-th largest of the last N. So
// N - k outliers move nothing, and k slow runs in a row move everything.
template <size_t N>
class RatioWindow {
 public:
  // Begins as if the prior had been observed N times: half at 1, the rest rising to `p99` at the 99th percentile.
  explicit RatioWindow(float p99 = 1) { fill(p99); }

  void fill(float p99) {
    for (size_t i = 0; i < N; ++i) {
      const float u = (static_cast<float>(i) + 0.5f) / N;
      sorted_[i] = u <= 0.5f ? 1.0f : 1.0f + (std::min(u, 0.99f) - 0.5f) / 0.49f * (p99 - 1.0f);
    }
    // Oldest first in an order that mixes high and low: leaving pseudo-observations do not move the quantile one way.
    for (size_t i = 0; i < N; ++i) ring_[i] = sorted_[(i * kStride) % N];
    next_ = 0;
    count_ = 0;
  }

  void observe(float ratio) {
    const float gone = ring_[next_];
    ring_[next_] = ratio;
    next_ = (next_ + 1) % N;
    ++count_;
    float* const out = std::lower_bound(sorted_.data(), sorted_.data() + N, gone);
    float* const in = std::lower_bound(sorted_.data(), sorted_.data() + N, ratio);
    if (in > out) {
      std::copy(out + 1, in, out);
      *(in - 1) = ratio;
    } else {
      std::copy_backward(in, out, out + 1);
      *in = ratio;
    }
  }

  // The k-th smallest, k from 1.
  float ranked(size_t k) const { return sorted_[k - 1]; }
  uint64_t count() const { return count_; }  // real observations so far

 private:
  static constexpr size_t kStride = N / 2 + (N % 4 == 0 ? 1 : 2);  // odd, so coprime to a power of two
  static_assert((N & (N - 1)) == 0 && N >= 4);

  std::array<float, N> sorted_, ring_;
  size_t next_ = 0;
  uint64_t count_ = 0;
};

}  // namespace tercel::sched
