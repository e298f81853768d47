// Sums and extremes of contiguous floats, compiled once a target (see vector-inl.h). Sums: four vector accumulators over
// blocks of kSumBlock, the blocks in double: the error stays that of a few dozen additions, however long the row is.
#if defined(TERCEL_SIMD_ROW_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERCEL_SIMD_ROW_SUMS_INL_H_
#undef TERCEL_SIMD_ROW_SUMS_INL_H_
#else
#define TERCEL_SIMD_ROW_SUMS_INL_H_
#endif

#include <algorithm>

#include "kernels/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {

inline constexpr size_t kSumBlock = 2048;

// The sum of term(vector) over n elements; Term maps a vector, and must map zero lanes of the tail to zero itself.
template <typename Term>
HWY_INLINE float block_sum(const float* x, size_t n, const Term& term) {
  VecF a = hn::Zero(F32()), b = a, c = a, d = a;
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    a = hn::Add(a, term(load(x + i)));
    b = hn::Add(b, term(load(x + i + kLanes)));
    c = hn::Add(c, term(load(x + i + 2 * kLanes)));
    d = hn::Add(d, term(load(x + i + 3 * kLanes)));
  }
  for (; i + kLanes <= n; i += kLanes) a = hn::Add(a, term(load(x + i)));
  if (i < n) b = hn::Add(b, hn::IfThenElseZero(hn::FirstN(F32(), n - i), term(load_n(x + i, n - i))));
  return sum_lanes(hn::Add(hn::Add(a, b), hn::Add(c, d)));
}

template <typename Term>
HWY_INLINE double row_sum(const float* x, size_t n, const Term& term) {
  double sum = 0;
  for (size_t i = 0; i < n; i += kSumBlock) sum += static_cast<double>(block_sum(x + i, std::min(kSumBlock, n - i), term));
  return sum;
}

struct ItselfTerm {
  HWY_INLINE VecF operator()(VecF x) const { return x; }
};
struct SquareTerm {
  HWY_INLINE VecF operator()(VecF x) const { return hn::Mul(x, x); }
};
struct AbsTerm {
  HWY_INLINE VecF operator()(VecF x) const { return hn::Abs(x); }
};

struct Larger {
  static constexpr float kStart = -HUGE_VALF;
  static HWY_INLINE VecF of(VecF a, VecF b) { return max_any_nan(a, b); }
  static HWY_INLINE float of_lanes(VecF v) { return hn::GetLane(hn::MaxOfLanes(F32(), v)); }
};
struct Smaller {
  static constexpr float kStart = HUGE_VALF;
  static HWY_INLINE VecF of(VecF a, VecF b) { return min_any_nan(a, b); }
  static HWY_INLINE float of_lanes(VecF v) { return hn::GetLane(hn::MinOfLanes(F32(), v)); }
};

// The largest or smallest of n > 0 elements, NaN when there is one.
template <typename Pick>
HWY_INLINE float row_extreme(const float* x, size_t n) {
  VecF a = splat(Pick::kStart), b = a, c = a, d = a;
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    a = Pick::of(a, load(x + i));
    b = Pick::of(b, load(x + i + kLanes));
    c = Pick::of(c, load(x + i + 2 * kLanes));
    d = Pick::of(d, load(x + i + 3 * kLanes));
  }
  for (; i + kLanes <= n; i += kLanes) a = Pick::of(a, load(x + i));
  if (i < n) b = Pick::of(b, hn::IfThenElse(hn::FirstN(F32(), n - i), load_n(x + i, n - i), a));
  const VecF best = Pick::of(Pick::of(a, b), Pick::of(c, d));
  if (!hn::AllFalse(F32(), hn::IsNaN(best))) return hn::GetLane(hn::NaN(F32()));
  return Pick::of_lanes(best);
}

}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
