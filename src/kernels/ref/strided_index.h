#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/ref/wide.h"
#include "ops/axes.h"

namespace tercel::kernels {

// Some axes of a tensor, outermost first, as a flat sequence of elements: element `flat` lies offset(flat) from the start.
// Neighbouring axes that are dense in each other are merged.
class StridedIndex {
 public:
  StridedIndex() = default;
  StridedIndex(const Shape& shape, ops::AxisSet axes);

  void add_axis(int64_t extent, int64_t stride);
  int64_t elements() const { return elements_; }
  int64_t offset(int64_t flat) const;

  // Calls f(offset, n, stride) for runs of at most `longest` elements, in order.
  template <typename F>
  void for_each_run(int64_t longest, F&& f) const {
    const int64_t inner = extents_[static_cast<size_t>(rank_) - 1], stride = strides_[static_cast<size_t>(rank_) - 1];
    for (int64_t row = 0; row < elements_; row += inner) {
      const int64_t at = offset(row);
      for (int64_t i = 0; i < inner; i += longest) f(at + i * stride, std::min(longest, inner - i), stride);
    }
  }

 private:
  int rank_ = 1;
  int64_t elements_ = 1;
  std::array<int64_t, kRankMax> extents_{1}, strides_{0};
};

// A tensor split into the axes that stay and the axes that an operator works along.
struct ReducePlan {
  StridedIndex kept, reduced;
  ReducePlan(const Shape& shape, ops::AxisSet axes) : kept(shape, ops::all_axes(shape.rank()) & ~axes), reduced(shape, axes) {}
};

// Widens the elements of `index`, counted from data[start], block by block: visit(value).
template <typename W, typename F>
void for_each_wide(const StridedIndex& index, DType dtype, const void* data, int64_t start, F&& visit) {
  W block[kWideBlock];
  index.for_each_run(kWideBlock, [&](int64_t offset, int64_t n, int64_t stride) {
    load_wide(dtype, data, start + offset, stride, n, block);
    for (int64_t i = 0; i < n; ++i) visit(block[i]);
  });
}

// Replaces the elements of `index`, counted from both starts, by f(value, position).
template <typename F>
void transform_wide(const StridedIndex& index, DType in_type, const void* in, DType out_type, void* out, int64_t start, F&& f) {
  double block[kWideBlock];
  int64_t position = 0;
  index.for_each_run(kWideBlock, [&](int64_t offset, int64_t n, int64_t stride) {
    load_wide(in_type, in, start + offset, stride, n, block);
    for (int64_t i = 0; i < n; ++i) block[i] = f(block[i], position++);
    store_wide(out_type, out, start + offset, stride, n, block);
  });
}

}  // namespace tercel::kernels
