#include "kernels/simd/elementwise_leaves.h"

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/elementwise_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/elementwise_loop-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

struct AddOp {
  static HWY_INLINE VecF apply(VecF a, VecF b, VecF) { return hn::Add(a, b); }
};
struct SubtractOp {
  static HWY_INLINE VecF apply(VecF a, VecF b, VecF) { return hn::Sub(a, b); }
};
struct MultiplyOp {
  static HWY_INLINE VecF apply(VecF a, VecF b, VecF) { return hn::Mul(a, b); }
};
struct DivideOp {
  static HWY_INLINE VecF apply(VecF a, VecF b, VecF) { return hn::Div(a, b); }
};
struct MinOp {
  static HWY_INLINE VecF apply(VecF a, VecF b, VecF) { return min_any_nan(a, b); }
};
struct MaxOp {
  static HWY_INLINE VecF apply(VecF a, VecF b, VecF) { return max_any_nan(a, b); }
};
struct NegateOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Neg(a); }
};
struct AbsOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Abs(a); }
};
struct SqrtOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Sqrt(a); }
};
struct ReciprocalOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Div(splat(1.0f), a); }
};
struct ReluOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Max(hn::Zero(F32()), a); }
};  // keeps NaN
struct FloorOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Floor(a); }
};
struct CeilOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Ceil(a); }
};
struct RoundOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) { return hn::Round(a); }
};
struct ClipOp {
  static HWY_INLINE VecF apply(VecF a, VecF b, VecF c) { return clamp_keep_nan(a, b, c); }
};
struct MultiplyAddOp {
  static HWY_INLINE VecF apply(VecF a, VecF b, VecF c) { return hn::MulAdd(a, b, c); }
};

struct LeakyReluOp {
  static HWY_INLINE VecF apply(VecF a, VecF slope, VecF) {
    return hn::IfThenElse(hn::Lt(a, hn::Zero(F32())), hn::Mul(a, slope), a);
  }
};

struct HardSigmoidOp {
  static HWY_INLINE VecF apply(VecF a, VecF alpha, VecF beta) {
    return clamp_keep_nan(hn::MulAdd(a, alpha, beta), hn::Zero(F32()), splat(1.0f));
  }
};

struct HardSwishOp {
  static HWY_INLINE VecF apply(VecF a, VecF, VecF) {
    const VecF gate = hn::MulAdd(a, splat(1.0f / 6.0f), splat(0.5f));
    return hn::Mul(a, clamp_keep_nan(gate, hn::Zero(F32()), splat(1.0f)));
  }
};

ElementLeaf arithmetic(ops::ElementwiseCode code, unsigned scalars) {
  using Code = ops::ElementwiseCode;
  switch (code) {
    case Code::kAdd: return binary_leaf<AddOp>(scalars);
    case Code::kSubtract: return binary_leaf<SubtractOp>(scalars);
    case Code::kMultiply: return binary_leaf<MultiplyOp>(scalars);
    case Code::kDivide: return binary_leaf<DivideOp>(scalars);
    case Code::kMin: return binary_leaf<MinOp>(scalars);
    case Code::kMax: return binary_leaf<MaxOp>(scalars);
    case Code::kLeakyRelu: return binary_leaf<LeakyReluOp>(scalars);
    case Code::kNegate: return unary_leaf<NegateOp>(scalars);
    case Code::kAbs: return unary_leaf<AbsOp>(scalars);
    case Code::kSqrt: return unary_leaf<SqrtOp>(scalars);
    case Code::kReciprocal: return unary_leaf<ReciprocalOp>(scalars);
    case Code::kRelu: return unary_leaf<ReluOp>(scalars);
    case Code::kFloor: return unary_leaf<FloorOp>(scalars);
    case Code::kCeil: return unary_leaf<CeilOp>(scalars);
    case Code::kRound: return unary_leaf<RoundOp>(scalars);
    case Code::kHardSwish: return unary_leaf<HardSwishOp>(scalars);
    case Code::kClip: return ternary_leaf<ClipOp>(scalars);
    case Code::kMultiplyAdd: return ternary_leaf<MultiplyAddOp>(scalars);
    case Code::kHardSigmoid: return ternary_leaf<HardSigmoidOp>(scalars);
    default: return nullptr;
  }
}

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(arithmetic);

ElementLeaf arithmetic_leaf(ops::ElementwiseCode code, unsigned scalars, const platform::Isa& isa) {
  return for_isa(HWY_DISPATCH_TABLE(arithmetic), isa)(code, scalars);
}

}  // namespace tercel::kernels::simd
#endif
