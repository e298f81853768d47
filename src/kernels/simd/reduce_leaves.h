#pragma once

#include <cstddef>
#include <cstdint>

#include "platform/isa.h"

namespace tercel::kernels::simd {

// What a reduction sums or picks; the mean, norms and so on are finished afterwards.
enum class ReduceKind : uint8_t { kSum, kSumAbs, kSumSquare, kMax, kMin };

struct ReduceLeaves {
  // Of n > 0 contiguous floats. Partial results of several pieces are combined by `combine` in order.
  double (*row)(const float* x, size_t n);
  // out[j] = over i < n of x[i * step + j], for `width` neighbouring columns; then multiplied by `factor`.
  void (*columns)(const float* x, size_t n, size_t step, size_t width, float factor, float* out);
};
ReduceLeaves reduce_leaves(ReduceKind kind, const platform::Isa& isa);

// The largest number of columns that keep their accumulators in registers, on any target.
inline constexpr int64_t kColumnsTogether = 64;

}  // namespace tercel::kernels::simd
