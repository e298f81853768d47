#include <cmath>

#include "kernels/simd/elementwise_leaves.h"
#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/elementwise_math.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/elementwise_loop-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/trig-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

template <VecF (*kFunction)(VecF)>
struct Apply {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return kFunction(a); }
};

struct SquareOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Mul(a, a); }
};
struct CubeOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Mul(hn::Mul(a, a), a); }
};
struct InverseOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Div(splat(1.0f), a); }
};

void power_elements(const float* a, size_t a_step, const float* b, size_t b_step, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = std::pow(a[i * a_step], b[i * b_step]);
}

// A power by one exponent: the common ones are products. Others have no fast form of the accuracy of libm's.
void power_by_scalar(const float* a, const float* b, const float*, float* out, size_t n) {
  constexpr Feed kA = Feed::kStream, kNo = Feed::kNone;
  const float exponent = *b;
  if (exponent == 2.0f) return element_loop<SquareOp, kA, kNo, kNo>(a, nullptr, nullptr, out, n);
  if (exponent == 3.0f) return element_loop<CubeOp, kA, kNo, kNo>(a, nullptr, nullptr, out, n);
  if (exponent == -1.0f) return element_loop<InverseOp, kA, kNo, kNo>(a, nullptr, nullptr, out, n);
  power_elements(a, 1, &exponent, 0, out, n);
}

// The scalar is copied, because `out` may be its place.
void power_of_scalar(const float* a, const float* b, const float*, float* out, size_t n) {
  const float base = *a;
  power_elements(&base, 0, b, 1, out, n);
}
void power_of_streams(const float* a, const float* b, const float*, float* out, size_t n) { power_elements(a, 1, b, 1, out, n); }

ElementLeaf power_leaf(unsigned scalars) {
  constexpr ElementLeaf kLoops[] = {power_of_streams, power_of_scalar, power_by_scalar};
  return scalars < 3 ? kLoops[scalars] : nullptr;
}

ElementLeaf transcendental(ops::ElementwiseCode code, unsigned scalars) {
  using Code = ops::ElementwiseCode;
  switch (code) {
    case Code::kPow: return power_leaf(scalars);
    case Code::kExp: return unary_leaf<Apply<exp_of>>(scalars);
    case Code::kLog: return unary_leaf<Apply<log_of>>(scalars);
    case Code::kTanh: return unary_leaf<Apply<tanh_of>>(scalars);
    case Code::kSigmoid: return unary_leaf<Apply<sigmoid_of>>(scalars);
    case Code::kErf: return unary_leaf<Apply<erf_of>>(scalars);
    case Code::kSin: return unary_leaf<Apply<sin_of>>(scalars);
    case Code::kCos: return unary_leaf<Apply<cos_of>>(scalars);
    case Code::kSoftplus: return unary_leaf<Apply<softplus_of>>(scalars);
    case Code::kSilu: return unary_leaf<Apply<silu_of>>(scalars);
    case Code::kGelu: return unary_leaf<Apply<gelu_of>>(scalars);
    case Code::kGeluTanh: return unary_leaf<Apply<gelu_tanh_of>>(scalars);
    default: return nullptr;
  }
}

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(transcendental);

ElementLeaf math_leaf(ops::ElementwiseCode code, unsigned scalars, const platform::Isa& isa) {
  return for_isa(HWY_DISPATCH_TABLE(transcendental), isa)(code, scalars);
}

}  // namespace tercel::kernels::simd
#endif
