#include "kernels/simd/softmax_leaves.h"

#include <cmath>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/softmax_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

// y = exp(x - largest) and the sum of y, over one block of a row.
HWY_INLINE float store_exponentials(const float* x, float* y, size_t n, VecF largest) {
  VecF a = hn::Zero(F32()), b = a;
  size_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const VecF first = exp_of(hn::Sub(load(x + i), largest)), second = exp_of(hn::Sub(load(x + i + kLanes), largest));
    store(first, y + i);
    store(second, y + i + kLanes);
    a = hn::Add(a, first);
    b = hn::Add(b, second);
  }
  for (; i < n; i += kLanes) {
    const size_t rest = n - i < kLanes ? n - i : kLanes;
    const VecF e = hn::IfThenElseZero(hn::FirstN(F32(), rest), exp_of(hn::Sub(load_n(x + i, rest), largest)));
    store_n(e, y + i, rest);
    a = hn::Add(a, e);
  }
  return sum_lanes(hn::Add(a, b));
}

void softmax_row(const float* x, float* y, size_t n) {
  const VecF largest = splat(row_extreme<Larger>(x, n));
  double sum = 0;
  for (size_t i = 0; i < n; i += kSumBlock)
    sum += static_cast<double>(store_exponentials(x + i, y + i, std::min(kSumBlock, n - i), largest));
  const VecF scale = splat(static_cast<float>(1 / sum));
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(hn::Mul(load(y + i), scale), y + i);
  if (i < n) store_n(hn::Mul(load_n(y + i, n - i), scale), y + i, n - i);
}

struct ShiftedExpTerm {
  VecF largest;
  HWY_INLINE VecF operator()(VecF x) const { return exp_of(hn::Sub(x, largest)); }
};

void log_softmax_row(const float* x, float* y, size_t n) {
  const float largest = row_extreme<Larger>(x, n);
  const double sum = row_sum(x, n, ShiftedExpTerm{splat(largest)});
  const VecF shift = splat(largest), log_sum = splat(static_cast<float>(std::log(sum)));
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(hn::Sub(hn::Sub(load(x + i), shift), log_sum), y + i);
  if (i < n) store_n(hn::Sub(hn::Sub(load_n(x + i, n - i), shift), log_sum), y + i, n - i);
}

template <void (*kRow)(const float*, float*, size_t)>
void each_row(const float* x, float* y, int64_t count, size_t n) {
  for (int64_t i = 0; i < count; ++i) kRow(x + i * static_cast<int64_t>(n), y + i * static_cast<int64_t>(n), n);
}

// One vector of neighbouring lines, `width` of them in use.
template <bool kLogarithm>
HWY_INLINE void softmax_vector_of_lines(const float* x, float* y, size_t n, size_t step, size_t width) {
  const auto at = [&](const float* p, size_t i)
                      HWY_ATTR { return width == kLanes ? load(p + i * step) : load_n(p + i * step, width); };
  const auto put = [&](VecF v, size_t i)
                       HWY_ATTR { return width == kLanes ? store(v, y + i * step) : store_n(v, y + i * step, width); };
  VecF largest = splat(Larger::kStart), sum = hn::Zero(F32());
  for (size_t i = 0; i < n; ++i) largest = Larger::of(largest, at(x, i));
  for (size_t i = 0; i < n; ++i) {
    const VecF e = exp_of(hn::Sub(at(x, i), largest));
    sum = hn::Add(sum, e);
    if (!kLogarithm) put(e, i);
  }
  const VecF scale = kLogarithm ? log_of(sum) : hn::Div(splat(1.0f), sum);
  for (size_t i = 0; i < n; ++i) put(kLogarithm ? hn::Sub(hn::Sub(at(x, i), largest), scale) : hn::Mul(at(y, i), scale), i);
}

template <bool kLogarithm>
void each_column(const float* x, float* y, int64_t count, size_t n, size_t step) {
  const size_t lines = static_cast<size_t>(count);
  for (size_t i = 0; i < lines; i += kLanes)
    softmax_vector_of_lines<kLogarithm>(x + i, y + i, n, step, std::min(kLanes, lines - i));
}

SoftmaxLeaves softmax_functions(bool logarithm) {
  if (logarithm) return {each_row<log_softmax_row>, each_column<true>};
  return {each_row<softmax_row>, each_column<false>};
}

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(softmax_functions);

SoftmaxLeaves softmax_leaves(bool logarithm, const platform::Isa& isa) {
  return for_isa(HWY_DISPATCH_TABLE(softmax_functions), isa)(logarithm);
}

}  // namespace tercel::kernels::simd
#endif
