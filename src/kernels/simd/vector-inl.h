// Vector types and edge handling, compiled once a target: include it from HWY_TARGET_INCLUDE files only.
// The include guard is a toggle because foreach_target.h includes everything again for each target.
#if defined(TERCEL_SIMD_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERCEL_SIMD_VECTOR_INL_H_
#undef TERCEL_SIMD_VECTOR_INL_H_
#else
#define TERCEL_SIMD_VECTOR_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

// The baseline must be set before anything of Highway is read.
// clang-format off
#include "kernels/simd/baseline.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F32>;
using VecF = hn::Vec<F32>;
using VecI = hn::Vec<I32>;

inline constexpr size_t kLanes = HWY_LANES(float);

// The first n < kLanes elements, zeros behind them; touches no memory beyond them.
#if HWY_TARGET <= HWY_AVX2
HWY_INLINE VecF load_n(const float* p, size_t n) { return hn::MaskedLoad(hn::FirstN(F32(), n), F32(), p); }
HWY_INLINE void store_n(VecF v, float* p, size_t n) { hn::BlendedStore(v, hn::FirstN(F32(), n), F32(), p); }
#else  // SSE4 emulates masked accesses with whole ones, which may fault
HWY_INLINE VecF load_n(const float* p, size_t n) {
  HWY_ALIGN float lanes[kLanes] = {};
  for (size_t i = 0; i < n; ++i) lanes[i] = p[i];
  return hn::Load(F32(), lanes);
}
HWY_INLINE void store_n(VecF v, float* p, size_t n) {
  HWY_ALIGN float lanes[kLanes];
  hn::Store(v, F32(), lanes);
  for (size_t i = 0; i < n; ++i) p[i] = lanes[i];
}
#endif

HWY_INLINE VecF load(const float* p) { return hn::LoadU(F32(), p); }
HWY_INLINE void store(VecF v, float* p) { hn::StoreU(v, F32(), p); }
HWY_INLINE VecF splat(float x) { return hn::Set(F32(), x); }

// Highway's Ne() is false for NaN, hence IsNaN(). x86 min and max return the second operand when either is NaN, so the operand
// that may be NaN goes second.
HWY_INLINE VecF clamp_keep_nan(VecF x, VecF low, VecF high) { return hn::Min(high, hn::Max(low, x)); }
HWY_INLINE VecF max_any_nan(VecF a, VecF b) { return hn::IfThenElse(hn::IsNaN(a), a, hn::Max(a, b)); }
HWY_INLINE VecF min_any_nan(VecF a, VecF b) { return hn::IfThenElse(hn::IsNaN(a), a, hn::Min(a, b)); }

HWY_INLINE float sum_lanes(VecF v) { return hn::GetLane(hn::SumOfLanes(F32(), v)); }
HWY_INLINE float max_lanes(VecF v) { return hn::GetLane(hn::MaxOfLanes(F32(), v)); }

}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
