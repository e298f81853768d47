// Vector exp, log, tanh, ... for float32, compiled once a target (see vector-inl.h). All of them propagate NaN, take the
// whole range of float (subnormals too, unless the thread flushes them) and stay within 2 to 8 units in the last place
// (gelu of negative arguments, where terms cancel: within 2e-6 absolute). Coefficients: our own minimax fits
// (Lawson-weighted least squares, 40 digits); math_test.cc measures the errors.
#if defined(TERCEL_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERCEL_SIMD_MATH_INL_H_
#undef TERCEL_SIMD_MATH_INL_H_
#else
#define TERCEL_SIMD_MATH_INL_H_
#endif

#include "kernels/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {

// c0 + c1 x + c2 x^2 ..., Horner.
HWY_INLINE VecF polynomial(VecF, float c0) { return splat(c0); }
template <typename... C>
HWY_INLINE VecF polynomial(VecF x, float c0, C... higher) {
  return hn::MulAdd(polynomial(x, higher...), x, splat(c0));
}

// The high part has 9 bits, so that its product with an exponent is exact without a fused multiply-add.
inline constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;

// 2^n for n in -126..127.
HWY_INLINE VecF power_of_two(VecI n) { return hn::BitCast(F32(), hn::ShiftLeft<23>(hn::Add(n, hn::Set(I32(), 127)))); }

HWY_INLINE VecF exp_of(VecF x) {
  const VecF z = clamp_keep_nan(x, splat(-104.0f), splat(89.0f));
  const VecI n = hn::NearestInt(hn::Mul(z, splat(1.44269504f)));
  const VecF nf = hn::ConvertTo(F32(), n);
  const VecF r = hn::NegMulAdd(nf, splat(kLn2Low), hn::NegMulAdd(nf, splat(kLn2High), z));
  const VecF q = polynomial(r, 0.4999999336f, 0.1666652034f, 0.04166841505f, 0.008368756234f, 0.001381309092f);
  const VecF p = hn::Add(hn::MulAdd(q, hn::Mul(r, r), r), splat(1.0f));
  // Two factors, because n reaches -150 (subnormal results) and 128 (infinity).
  const VecI half = hn::ShiftRight<1>(n);
  const VecF y = hn::Mul(hn::Mul(p, power_of_two(half)), power_of_two(hn::Sub(n, half)));
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

HWY_INLINE VecF log_of(VecF x) {
  const VecF inf = hn::Inf(F32());
  const auto tiny = hn::Lt(x, splat(1.17549435e-38f));
  const VecF scaled = hn::IfThenElse(tiny, hn::Mul(x, splat(8388608.0f)), x);
  const VecI bits = hn::BitCast(I32(), scaled);
  const VecI exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(I32(), 0x3f3504f3)));  // m in sqrt(1/2)..sqrt(2)
  const VecF m = hn::BitCast(F32(), hn::Sub(bits, hn::ShiftLeft<23>(exponent)));
  const VecF e = hn::Sub(hn::ConvertTo(F32(), exponent), hn::IfThenElseZero(tiny, splat(23.0f)));
  const VecF f = hn::Sub(m, splat(1.0f)), f2 = hn::Mul(f, f);
  const VecF p = polynomial(f, 0.3333331279f, -0.2500001013f, 0.2000210644f, -0.1666795961f, 0.1421974749f, -0.1240627495f,
                            0.1188750621f, -0.1167165855f, 0.06743341571f);
  const VecF tail = hn::NegMulAdd(splat(0.5f), f2, hn::MulAdd(hn::Mul(f2, f), p, hn::Mul(e, splat(kLn2Low))));
  const VecF y = hn::MulAdd(e, splat(kLn2High), hn::Add(f, tail));
  const VecF at_zero = hn::IfThenElse(hn::Eq(x, hn::Zero(F32())), hn::Neg(inf), hn::Sub(x, x));  // -inf, or NaN below 0
  const VecF edge = hn::IfThenElse(hn::Eq(x, inf), inf, hn::IfThenElse(hn::Lt(x, hn::Zero(F32())), hn::NaN(F32()), at_zero));
  return hn::IfThenElse(hn::And(hn::Gt(x, hn::Zero(F32())), hn::Lt(x, inf)), y, edge);
}

// log(1 + u) for u in 0..1: the logarithm of the rounded sum, corrected by what rounding lost.
HWY_INLINE VecF log1p_of(VecF u) {
  const VecF w = hn::Add(u, splat(1.0f));
  return hn::Add(log_of(w), hn::Div(hn::Sub(u, hn::Sub(w, splat(1.0f))), w));
}

HWY_INLINE VecF tanh_of(VecF x) {
  const VecF z = clamp_keep_nan(x, splat(-9.02f), splat(9.02f)), z2 = hn::Mul(z, z);
  const VecF p =
      polynomial(z2, 0.9999999987f, 0.1367995123f, 0.003868372513f, 2.800832852e-5f, 3.058697552e-8f, -1.220478772e-11f);
  const VecF q = polynomial(z2, 1.0f, 0.4701328329f, 0.02724600404f, 0.0003938708858f, 1.287425528e-6f);
  return clamp_keep_nan(hn::Div(hn::Mul(z, p), q), splat(-1.0f), splat(1.0f));
}

HWY_INLINE VecF sigmoid_of(VecF x) { return hn::Div(splat(1.0f), hn::Add(splat(1.0f), exp_of(hn::Neg(x)))); }

HWY_INLINE VecF erf_of(VecF x) {
  const VecF z = clamp_keep_nan(x, splat(-3.93f), splat(3.93f)), z2 = hn::Mul(z, z);
  const VecF p = polynomial(z2, 1.128379146f, 0.1907711618f, 0.05278843567f, 0.003779000362f, 0.0002847844823f, 2.041945437e-6f);
  const VecF q = polynomial(z2, 1.0f, 0.5023992654f, 0.1142521218f, 0.01499624948f, 0.001165044112f, 3.80025173e-5f);
  return clamp_keep_nan(hn::Div(hn::Mul(z, p), q), splat(-1.0f), splat(1.0f));
}

HWY_INLINE VecF softplus_of(VecF x) {
  const VecF positive = hn::Max(hn::Zero(F32()), x);  // keeps NaN
  return hn::Add(positive, log1p_of(exp_of(hn::Neg(hn::Abs(x)))));
}

HWY_INLINE VecF silu_of(VecF x) { return hn::Div(x, hn::Add(splat(1.0f), exp_of(hn::Neg(x)))); }

HWY_INLINE VecF gelu_of(VecF x) {
  const VecF half = hn::Mul(x, splat(0.5f));
  return hn::MulAdd(half, erf_of(hn::Mul(x, splat(0.707106781f))), half);
}

HWY_INLINE VecF gelu_tanh_of(VecF x) {
  const VecF half = hn::Mul(x, splat(0.5f)), x2 = hn::Mul(x, x);
  const VecF inner = hn::Mul(hn::Mul(x, splat(0.797884561f)), hn::MulAdd(x2, splat(0.044715f), splat(1.0f)));
  return hn::MulAdd(half, tanh_of(inner), half);
}

}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
