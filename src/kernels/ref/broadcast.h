#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/shape.h"

namespace tercel::kernels {

// How inputs that broadcast to one output are walked: the output in flat order, in runs along which every input advances
// by a constant step. Neighbouring axes that behave alike are merged, so that runs are long.
class BroadcastPlan {
 public:
  // Every input shape broadcasts to `output`.
  BroadcastPlan(const Shape& output, std::span<const Shape> inputs);

  // Calls f(start, n): output elements start..start+n-1, at most `longest` of them, in one run.
  template <typename F>
  void for_each_run(int64_t longest, F&& f) const {
    const int64_t inner = extents_[static_cast<size_t>(rank_) - 1];
    for (int64_t row = 0; row < elements_; row += inner)
      for (int64_t at = 0; at < inner; at += longest) f(row + at, std::min(longest, inner - at));
  }
  // Where output element `flat` lies in an input, and how far the next one of the run is.
  int64_t offset(size_t input, int64_t flat) const {
    int64_t offset = 0;
    for (int i = rank_ - 1; i >= 0; --i) {
      const auto axis = static_cast<size_t>(i);
      offset += flat % extents_[axis] * strides_[input][axis];
      flat /= extents_[axis];
    }
    return offset;
  }
  int64_t step(size_t input) const { return strides_[input][static_cast<size_t>(rank_) - 1]; }

  int64_t elements() const { return elements_; }
  size_t inputs() const { return strides_.size(); }

 private:
  using Extents = std::array<int64_t, kRankMax>;
  int rank_ = 0;  // at least 1
  int64_t elements_ = 0;
  Extents extents_{};
  std::vector<Extents> strides_;
};

}  // namespace tercel::kernels
