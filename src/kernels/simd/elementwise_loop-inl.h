// The loop around one elementwise operation, compiled once a target (see vector-inl.h).
#if defined(TERCEL_SIMD_ELEMENTWISE_LOOP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERCEL_SIMD_ELEMENTWISE_LOOP_INL_H_
#undef TERCEL_SIMD_ELEMENTWISE_LOOP_INL_H_
#else
#define TERCEL_SIMD_ELEMENTWISE_LOOP_INL_H_
#endif

#include "kernels/simd/elementwise_leaves.h"
#include "kernels/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {

// One operand: a stream, a number that stays in a register, or nothing.
enum class Feed { kNone, kStream, kScalar };

template <Feed kFeed>
struct Operand {
  const float* p;
  VecF held;
  HWY_INLINE explicit Operand(const float* from) : p(from), held(kFeed == Feed::kScalar ? splat(*from) : hn::Zero(F32())) {}
  HWY_INLINE VecF at(size_t i) const { return kFeed == Feed::kStream ? load(p + i) : held; }
  HWY_INLINE VecF tail(size_t i, size_t n) const { return kFeed == Feed::kStream ? load_n(p + i, n) : held; }
};

template <typename Op, Feed kA, Feed kB, Feed kC>
void element_loop(const float* a, const float* b, const float* c, float* out, size_t n) {
  const Operand<kA> from_a(a);
  const Operand<kB> from_b(b);
  const Operand<kC> from_c(c);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(Op::apply(from_a.at(i), from_b.at(i), from_c.at(i)), out + i);
  if (i < n) store_n(Op::apply(from_a.tail(i, n - i), from_b.tail(i, n - i), from_c.tail(i, n - i)), out + i, n - i);
}

inline constexpr Feed kStreamOr[] = {Feed::kStream, Feed::kScalar};

template <typename Op>
HWY_INLINE ElementLeaf unary_leaf(unsigned scalars) {
  return scalars ? nullptr : element_loop<Op, Feed::kStream, Feed::kNone, Feed::kNone>;
}

template <typename Op, unsigned kScalars>
inline constexpr ElementLeaf kBinaryLoop = element_loop<Op, kStreamOr[kScalars & 1], kStreamOr[kScalars >> 1], Feed::kNone>;

template <typename Op>
HWY_INLINE ElementLeaf binary_leaf(unsigned scalars) {
  const ElementLeaf loops[] = {kBinaryLoop<Op, 0>, kBinaryLoop<Op, 1>, kBinaryLoop<Op, 2>};
  return scalars < 3 ? loops[scalars] : nullptr;
}

template <typename Op, unsigned kScalars>
inline constexpr ElementLeaf kTernaryLoop =
    element_loop<Op, kStreamOr[kScalars & 1], kStreamOr[kScalars >> 1 & 1], kStreamOr[kScalars >> 2]>;

template <typename Op>
HWY_INLINE ElementLeaf ternary_leaf(unsigned scalars) {
  const ElementLeaf loops[] = {kTernaryLoop<Op, 0>, kTernaryLoop<Op, 1>, kTernaryLoop<Op, 2>, kTernaryLoop<Op, 3>,
                               kTernaryLoop<Op, 4>, kTernaryLoop<Op, 5>, kTernaryLoop<Op, 6>};
  return scalars < 7 ? loops[scalars] : nullptr;
}

}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
