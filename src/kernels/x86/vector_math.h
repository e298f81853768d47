#pragma once

#include "kernels/x86/leaf.h"

// Elementary functions over a leaf's vectors. Errors against double: exp 1e-7 relative, tanh and sigmoid 3e-7, the GELUs
// 1e-6 of max(1, |x|). Coefficients: Chebyshev fits on the stated ranges. NaN stays NaN.
namespace tercel::kernels::x86 {

// e^x; arguments over 88 give e^88 and under -87 give 0.
template <class L>
[[gnu::always_inline]] inline typename L::V exp_v(typename L::V x) {
  const auto clamped = L::min(L::set(88.0f), L::max(L::set(-87.3f), x));
  const auto n = L::round(L::mul(clamped, L::set(1.44269504f)));
  const auto r = L::fma(n, L::set(2.12194440e-4f), L::fma(n, L::set(-0.693359375f), clamped));  // - n ln 2, in two parts
  auto p = L::set(0.001392617612f);  // (e^r - 1 - r) / r^2 on [-ln 2 / 2, ln 2 / 2]
  p = L::fma(p, r, L::set(0.008363173075f));
  p = L::fma(p, r, L::set(0.04166655466f));
  p = L::fma(p, r, L::set(0.1666657703f));
  p = L::fma(p, r, L::set(0.5f));
  p = L::fma(L::mul(p, r), r, L::add(r, L::set(1.0f)));
  return L::select_less(x, L::set(-87.3f), L::zero(), L::mul(p, L::exp2_integer(n)));
}

template <class L>
[[gnu::always_inline]] inline typename L::V sigmoid_v(typename L::V x) {
  return L::div(L::set(1.0f), L::add(L::set(1.0f), exp_v<L>(L::sub(L::zero(), x))));
}

template <class L>
[[gnu::always_inline]] inline typename L::V tanh_v(typename L::V x) {
  const auto magnitude = L::abs(x);
  const auto square = L::mul(x, x);
  auto p = L::set(-0.006096714166f);  // (tanh(x) / x - 1) / x^2 for |x| <= 0.625
  p = L::fma(p, square, L::set(0.020997179f));
  p = L::fma(p, square, L::set(-0.05385090958f));
  p = L::fma(p, square, L::set(0.1333276974f));
  p = L::fma(p, square, L::set(-0.3333332894f));
  const auto small = L::fma(L::mul(p, square), x, x);
  const auto e = exp_v<L>(L::add(magnitude, magnitude));
  const auto large = L::sub(L::set(1.0f), L::div(L::set(2.0f), L::add(e, L::set(1.0f))));
  return L::select_less(magnitude, L::set(0.625f), small, L::copy_sign(large, x));
}

// erfc(z) for z >= 0, good in the relative sense also where it is tiny.
template <class L>
[[gnu::always_inline]] inline typename L::V erfc_v(typename L::V z) {
  const auto t = L::div(L::set(1.0f), L::fma(z, L::set(0.4f), L::set(1.0f)));
  auto p = L::set(0.0587344534f);  // exp(z^2) erfc(z) / t
  p = L::fma(p, t, L::set(-0.3229951797f));
  p = L::fma(p, t, L::set(0.5469591469f));
  p = L::fma(p, t, L::set(-0.2314437885f));
  p = L::fma(p, t, L::set(0.322811805f));
  p = L::fma(p, t, L::set(0.1697591999f));
  p = L::fma(p, t, L::set(0.2307839857f));
  p = L::fma(p, t, L::set(0.2253902547f));
  return L::mul(L::mul(p, t), exp_v<L>(L::sub(L::zero(), L::mul(z, z))));
}

template <class L>
[[gnu::always_inline]] inline typename L::V gelu_v(typename L::V x) {
  const auto tail = erfc_v<L>(L::mul(L::abs(x), L::set(0.70710678f)));
  return L::mul(L::mul(L::set(0.5f), x), L::select_less(x, L::zero(), tail, L::sub(L::set(2.0f), tail)));
}

template <class L>
[[gnu::always_inline]] inline typename L::V gelu_tanh_v(typename L::V x) {
  const auto cubic = L::fma(L::mul(L::mul(x, x), L::set(0.044715f)), x, x);
  return L::div(x, L::add(L::set(1.0f), exp_v<L>(L::mul(cubic, L::set(-1.595769122f)))));
}

template <class L>
[[gnu::always_inline]] inline typename L::V clamp_v(typename L::V x, float low, float high) {
  return L::min(L::set(high), L::max(L::set(low), x));  // L::min and L::max give their second operand where one is NaN
}

template <class L>
[[gnu::always_inline]] inline typename L::V activate_v(typename L::V x, const Epilogue& e) {
  switch (e.act) {
    case Act::kNone:
    case Act::kRelu:
    case Act::kClip: return clamp_v<L>(x, e.low, e.high);
    case Act::kLeakyRelu: return L::select_less(x, L::zero(), L::mul(x, L::set(e.alpha)), x);
    case Act::kSigmoid: return sigmoid_v<L>(x);
    case Act::kTanh: return tanh_v<L>(x);
    case Act::kSilu: return L::div(x, L::add(L::set(1.0f), exp_v<L>(L::sub(L::zero(), x))));
    case Act::kHardSwish: return L::mul(x, clamp_v<L>(L::fma(x, L::set(1.0f / 6), L::set(0.5f)), 0, 1));
    case Act::kHardSigmoid: return clamp_v<L>(L::fma(x, L::set(e.alpha), L::set(e.beta)), 0, 1);
    case Act::kGelu: return gelu_v<L>(x);
    case Act::kGeluTanh: return gelu_tanh_v<L>(x);
  }
  return x;
}

// A row of scores into probabilities, in place.
template <class L>
void softmax_row(float* row, int64_t n) {
  constexpr int kLanes = L::kLanes;
  float most = row[0];
  int64_t i = 0;
  if (n >= kLanes) {
    auto m = L::load(row);
    for (i = kLanes; i + kLanes <= n; i += kLanes) m = L::max(m, L::load(row + i));
    alignas(64) float lane[kLanes];
    L::store(lane, m);
    for (int j = 0; j < kLanes; ++j) most = most > lane[j] ? most : lane[j];
  }
  for (; i < n; ++i) most = most > row[i] ? most : row[i];
  // The ragged end goes through a padded copy, so that every element sees the same arithmetic.
  alignas(64) float rest[kLanes];
  const int64_t full = n / kLanes * kLanes;
  for (int64_t j = 0; j < kLanes; ++j) rest[j] = full + j < n ? row[full + j] : -__builtin_inff();
  auto sum = L::zero();
  for (i = 0; i < full; i += kLanes) {
    const auto e = exp_v<L>(L::sub(L::load(row + i), L::set(most)));
    L::store(row + i, e);
    sum = L::add(sum, e);
  }
  if (full < n) {
    const auto e = exp_v<L>(L::sub(L::load(rest), L::set(most)));
    L::store(rest, e);
    alignas(64) float kept[kLanes];
    for (int64_t j = 0; j < kLanes; ++j) kept[j] = full + j < n ? rest[j] : 0;
    sum = L::add(sum, L::load(kept));
  }
  alignas(64) float lane[kLanes];
  L::store(lane, sum);
  float total = 0;
  for (int j = 0; j < kLanes; ++j) total += lane[j];
  const float inverse = 1 / total;
  for (i = 0; i < full; i += kLanes) L::store(row + i, L::mul(L::load(row + i), L::set(inverse)));
  for (; i < n; ++i) row[i] = rest[i - full] * inverse;
}

}  // namespace tercel::kernels::x86
