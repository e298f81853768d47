#include "kernels/simd/distance_leaves.h"

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/distance_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

// Rows of b that are done together: each has one chain of sums.
constexpr size_t kRowsTogether = 4;

HWY_INLINE VecF add_square(VecF sum, VecF a, VecF b) {
  const VecF d = hn::Sub(a, b);
  return hn::MulAdd(d, d, sum);
}

template <size_t kRows>
HWY_INLINE void distances(const float* a, const float* b, size_t length, float* out) {
  double totals[kRows] = {};
  for (size_t start = 0; start < length; start += kSumBlock) {
    const size_t end = std::min(length, start + kSumBlock);
    VecF sums[kRows];
    for (size_t r = 0; r < kRows; ++r) sums[r] = hn::Zero(F32());
    size_t i = start;
    for (; i + kLanes <= end; i += kLanes) {
      const VecF x = load(a + i);
      for (size_t r = 0; r < kRows; ++r) sums[r] = add_square(sums[r], x, load(b + r * length + i));
    }
    if (i < end) {
      const VecF x = load_n(a + i, end - i);
      for (size_t r = 0; r < kRows; ++r) sums[r] = add_square(sums[r], x, load_n(b + r * length + i, end - i));
    }
    for (size_t r = 0; r < kRows; ++r) totals[r] += static_cast<double>(sum_lanes(sums[r]));
  }
  for (size_t r = 0; r < kRows; ++r) out[r] = static_cast<float>(totals[r]);
}

void squared_distances(const float* a, const float* b, size_t rows, size_t length, float* out) {
  size_t j = 0;
  for (; j + kRowsTogether <= rows; j += kRowsTogether) distances<kRowsTogether>(a, b + j * length, length, out + j);
  for (; j < rows; ++j) distances<1>(a, b + j * length, length, out + j);
}

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(squared_distances);

SquaredDistances squared_distances_leaf(const platform::Isa& isa) { return for_isa(HWY_DISPATCH_TABLE(squared_distances), isa); }

}  // namespace tercel::kernels::simd
#endif
