#include "kernels/simd/reduce_leaves.h"

#include <cmath>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/reduce_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

template <typename Term>
double sum_of_row(const float* x, size_t n) {
  return row_sum(x, n, Term());
}

template <typename Pick>
double extreme_of_row(const float* x, size_t n) {
  return static_cast<double>(row_extreme<Pick>(x, n));
}

template <typename Term>
struct Summing {
  static HWY_INLINE VecF start() { return hn::Zero(F32()); }
  static HWY_INLINE VecF take(VecF sum, VecF x) { return hn::Add(sum, Term()(x)); }
  static HWY_INLINE VecF join(VecF a, VecF b) { return hn::Add(a, b); }
};

template <typename Pick>
struct Picking {
  static HWY_INLINE VecF start() { return splat(Pick::kStart); }
  static HWY_INLINE VecF take(VecF best, VecF x) { return Pick::of(best, x); }
  static HWY_INLINE VecF join(VecF a, VecF b) { return Pick::of(a, b); }
};

// Long columns are summed in stretches of this many rows, and the stretches then, so that rounding errors do not pile up.
constexpr size_t kStretch = 64;

template <typename Reduce, size_t kVectors>
HWY_INLINE void reduce_whole_columns(const float* x, size_t n, size_t step, VecF factor, float* out) {
  VecF total[kVectors];
  for (size_t v = 0; v < kVectors; ++v) total[v] = Reduce::start();
  for (size_t first = 0; first < n; first += kStretch) {
    const size_t last = std::min(first + kStretch, n);
    VecF part[kVectors];
    for (size_t v = 0; v < kVectors; ++v) part[v] = Reduce::start();
    for (size_t i = first; i < last; ++i)
      for (size_t v = 0; v < kVectors; ++v) part[v] = Reduce::take(part[v], load(x + i * step + v * kLanes));
    for (size_t v = 0; v < kVectors; ++v) total[v] = Reduce::join(total[v], part[v]);
  }
  for (size_t v = 0; v < kVectors; ++v) store(hn::Mul(total[v], factor), out + v * kLanes);
}

template <typename Reduce>
HWY_INLINE void reduce_some_columns(const float* x, size_t n, size_t step, size_t width, VecF factor, float* out) {
  VecF total = Reduce::start();
  for (size_t first = 0; first < n; first += kStretch) {
    VecF part = Reduce::start();
    for (size_t i = first; i < std::min(first + kStretch, n); ++i) part = Reduce::take(part, load_n(x + i * step, width));
    total = Reduce::join(total, part);
  }
  store_n(hn::Mul(total, factor), out, width);
}

template <typename Reduce>
void reduce_columns(const float* x, size_t n, size_t step, size_t width, float factor, float* out) {
  const VecF scale = splat(factor);
  size_t j = 0;
  for (; j + 4 * kLanes <= width; j += 4 * kLanes) reduce_whole_columns<Reduce, 4>(x + j, n, step, scale, out + j);
  for (; j + kLanes <= width; j += kLanes) reduce_whole_columns<Reduce, 1>(x + j, n, step, scale, out + j);
  if (j < width) reduce_some_columns<Reduce>(x + j, n, step, width - j, scale, out + j);
}

ReduceLeaves reduce_functions(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::kSum: return {sum_of_row<ItselfTerm>, reduce_columns<Summing<ItselfTerm>>};
    case ReduceKind::kSumAbs: return {sum_of_row<AbsTerm>, reduce_columns<Summing<AbsTerm>>};
    case ReduceKind::kSumSquare: return {sum_of_row<SquareTerm>, reduce_columns<Summing<SquareTerm>>};
    case ReduceKind::kMax: return {extreme_of_row<Larger>, reduce_columns<Picking<Larger>>};
    case ReduceKind::kMin: return {extreme_of_row<Smaller>, reduce_columns<Picking<Smaller>>};
  }
  return {};
}

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(reduce_functions);

ReduceLeaves reduce_leaves(ReduceKind kind, const platform::Isa& isa) {
  return for_isa(HWY_DISPATCH_TABLE(reduce_functions), isa)(kind);
}

}  // namespace tercel::kernels::simd
#endif
