#include "kernels/simd/pool_leaves.h"

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/pool_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

struct MaxJoin {
  static HWY_INLINE VecF of(VecF a, VecF b) { return max_any_nan(a, b); }
};
struct SumJoin {
  static HWY_INLINE VecF of(VecF a, VecF b) { return hn::Add(a, b); }
};

template <typename Join, size_t kVectors>
HWY_INLINE void pool_channels(const float* const* taps, size_t tap_count, size_t at, VecF factor, float* out) {
  VecF joined[kVectors];
  for (size_t v = 0; v < kVectors; ++v) joined[v] = load(taps[0] + at + v * kLanes);
  for (size_t t = 1; t < tap_count; ++t)
    for (size_t v = 0; v < kVectors; ++v) joined[v] = Join::of(joined[v], load(taps[t] + at + v * kLanes));
  for (size_t v = 0; v < kVectors; ++v) store(hn::Mul(joined[v], factor), out + at + v * kLanes);
}

template <typename Join>
HWY_INLINE void pool_point(const float* const* taps, size_t tap_count, size_t channels, VecF factor, float* out) {
  size_t at = 0;
  for (; at + 4 * kLanes <= channels; at += 4 * kLanes) pool_channels<Join, 4>(taps, tap_count, at, factor, out);
  for (; at + kLanes <= channels; at += kLanes) pool_channels<Join, 1>(taps, tap_count, at, factor, out);
  if (at == channels) return;
  const size_t rest = channels - at;
  VecF joined = load_n(taps[0] + at, rest);
  for (size_t t = 1; t < tap_count; ++t) joined = Join::of(joined, load_n(taps[t] + at, rest));
  store_n(hn::Mul(joined, factor), out + at, rest);
}

void max_point(const float* const* taps, size_t tap_count, size_t channels, float* out) {
  pool_point<MaxJoin>(taps, tap_count, channels, splat(1.0f), out);
}

void sum_point(const float* const* taps, size_t tap_count, size_t channels, float factor, float* out) {
  pool_point<SumJoin>(taps, tap_count, channels, splat(factor), out);
}

PoolLeaves pool_functions() { return {max_point, sum_point}; }

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(pool_functions);

PoolLeaves pool_leaves(const platform::Isa& isa) { return for_isa(HWY_DISPATCH_TABLE(pool_functions), isa)(); }

}  // namespace tercel::kernels::simd
#endif
