// Vector sin and cos for float32, compiled once a target (see vector-inl.h). Arguments beyond kTrigLimit go to libm.
#if defined(TERCEL_SIMD_TRIG_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERCEL_SIMD_TRIG_INL_H_
#undef TERCEL_SIMD_TRIG_INL_H_
#else
#define TERCEL_SIMD_TRIG_INL_H_
#endif

#include <cmath>

#include "kernels/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {

inline constexpr float kTrigLimit = 1e5f;

// x - n * pi/2 in double: the high part has 33 bits, so that its product with n is exact.
HWY_INLINE VecF quarter_turn_rest(VecF x, VecI n) {
  const hn::Repartition<double, F32> d64;
  const hn::Half<F32> half;
  const hn::Half<I32> half_int;
  const auto high = hn::Set(d64, 0x1.921fb544p+0), low = hn::Set(d64, 0x1.0b4611a626331p-34);
  const auto n_lower = hn::PromoteTo(d64, hn::LowerHalf(half_int, n)), n_upper = hn::PromoteTo(d64, hn::UpperHalf(half_int, n));
  const auto lower = hn::PromoteTo(d64, hn::LowerHalf(half, x)), upper = hn::PromoteTo(d64, hn::UpperHalf(half, x));
  const auto r_lower = hn::NegMulAdd(n_lower, low, hn::NegMulAdd(n_lower, high, lower));
  const auto r_upper = hn::NegMulAdd(n_upper, low, hn::NegMulAdd(n_upper, high, upper));
  return hn::Combine(F32(), hn::DemoteTo(half, r_upper), hn::DemoteTo(half, r_lower));
}

// sin(x + quarter_turns * pi/2)
template <int kQuarterTurns>
HWY_INLINE VecF sin_shifted(VecF x) {
  const VecI n = hn::NearestInt(hn::Mul(x, splat(0.636619772f)));
  const VecI turn = hn::Add(n, hn::Set(I32(), kQuarterTurns));
  const VecF r = quarter_turn_rest(x, n), r2 = hn::Mul(r, r);
  const VecF s =
      hn::MulAdd(hn::Mul(r2, r), polynomial(r2, -0.1666666664f, 0.00833332926f, -0.0001983929817f, 2.717987995e-6f), r);
  const VecF c_tail = polynomial(r2, 0.04166666662f, -0.001388888344f, 2.479944549e-5f, -2.720454518e-7f);
  const VecF c = hn::MulAdd(hn::Mul(r2, r2), c_tail, hn::NegMulAdd(splat(0.5f), r2, splat(1.0f)));
  const VecI one = hn::Set(I32(), 1);
  const VecF y = hn::IfThenElse(hn::RebindMask(F32(), hn::Eq(hn::And(turn, one), one)), c, s);
  return hn::Xor(y, hn::BitCast(F32(), hn::ShiftLeft<30>(hn::And(turn, hn::Set(I32(), 2)))));
}

template <int kQuarterTurns>
HWY_INLINE VecF sin_or_libm(VecF x) {
  if (HWY_LIKELY(hn::AllFalse(F32(), hn::Gt(hn::Abs(x), splat(kTrigLimit))))) return sin_shifted<kQuarterTurns>(x);
  HWY_ALIGN float lanes[kLanes];
  hn::Store(x, F32(), lanes);
  for (float& lane : lanes) lane = kQuarterTurns ? std::cos(lane) : std::sin(lane);
  return hn::Load(F32(), lanes);
}

HWY_INLINE VecF sin_of(VecF x) { return sin_or_libm<0>(x); }
HWY_INLINE VecF cos_of(VecF x) { return sin_or_libm<1>(x); }

}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
