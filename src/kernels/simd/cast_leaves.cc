// Plain loops: the compiler vectorises them for each target. Half precision goes by Highway.
#include "kernels/simd/cast_leaves.h"

#include <cmath>
#include <limits>

#include "kernels/simd/targets.h"
#include "tensor/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/cast_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

template <typename From, typename To>
void cast_plainly(const void* from, void* to, size_t n) {
  const auto* x = static_cast<const From*>(from);
  auto* y = static_cast<To*>(to);
  for (size_t i = 0; i < n; ++i) y[i] = static_cast<To>(x[i]);
}

template <typename From>
void cast_to_bool(const void* from, void* to, size_t n) {
  const auto* x = static_cast<const From*>(from);
  auto* y = static_cast<bool*>(to);
  for (size_t i = 0; i < n; ++i) y[i] = x[i] != From{0};
}

template <typename To>
void cast_saturating(const void* from, void* to, size_t n) {
  constexpr float kBeyond = std::is_same_v<To, int32_t> ? 0x1p31f : 0x1p63f;
  const auto* x = static_cast<const float*>(from);
  auto* y = static_cast<To*>(to);
  for (size_t i = 0; i < n; ++i) {
    const float value = x[i];
    const bool inside = value < kBeyond && value >= -kBeyond;
    const To edge = value >= kBeyond ? std::numeric_limits<To>::max()
                    : value < 0      ? std::numeric_limits<To>::lowest()
                                     : To{0};  // 0: NaN
    y[i] = inside ? static_cast<To>(inside ? value : 0.0f) : edge;
  }
}

void float_to_half(const void* from, void* to, size_t n) {
  const hn::Rebind<hwy::float16_t, F32> d16;
  const auto* x = static_cast<const float*>(from);
  auto* y = static_cast<hwy::float16_t*>(to);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(hn::DemoteTo(d16, load(x + i)), d16, y + i);
  for (; i < n; ++i) y[i].bits = Half(x[i]).bits;
}

void half_to_float(const void* from, void* to, size_t n) {
  const hn::Rebind<hwy::float16_t, F32> d16;
  const auto* x = static_cast<const hwy::float16_t*>(from);
  auto* y = static_cast<float*>(to);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(hn::PromoteTo(F32(), hn::LoadU(d16, x + i)), y + i);
  for (; i < n; ++i) {
    Half half;
    half.bits = x[i].bits;
    y[i] = static_cast<float>(half);
  }
}

CastLeaf cast_from_float(DType to) {
  switch (to) {
    case DType::kFloat64: return cast_plainly<float, double>;
    case DType::kFloat16: return HWY_TARGET <= HWY_AVX2 ? float_to_half : nullptr;  // SSE4 emulates it, without subnormals
    case DType::kInt32: return cast_saturating<int32_t>;
    case DType::kInt64: return cast_saturating<int64_t>;
    case DType::kBool: return cast_to_bool<float>;
    default: return nullptr;
  }
}

CastLeaf cast_to_float(DType from) {
  switch (from) {
    case DType::kFloat64: return cast_plainly<double, float>;
    case DType::kFloat16: return HWY_TARGET <= HWY_AVX2 ? half_to_float : nullptr;
    case DType::kInt8: return cast_plainly<int8_t, float>;
    case DType::kUint8: return cast_plainly<uint8_t, float>;
    case DType::kInt32: return cast_plainly<int32_t, float>;
    case DType::kInt64: return cast_plainly<int64_t, float>;
    case DType::kBool: return cast_plainly<bool, float>;
    default: return nullptr;
  }
}

CastLeaf cast_function(DType from, DType to) {
  if (from == DType::kFloat32) return cast_from_float(to);
  if (to == DType::kFloat32) return cast_to_float(from);
  if (from == DType::kInt64 && to == DType::kInt32) return cast_plainly<int64_t, int32_t>;
  if (from == DType::kInt32 && to == DType::kInt64) return cast_plainly<int32_t, int64_t>;
  if (from == DType::kInt64 && to == DType::kBool) return cast_to_bool<int64_t>;
  return nullptr;
}

template <typename T, unsigned kScalars>
void select_loop(const bool* condition, const void* x_data, const void* y_data, void* out_data, size_t n) {
  const auto *x = static_cast<const T*>(x_data), *y = static_cast<const T*>(y_data);
  auto* out = static_cast<T*>(out_data);
  for (size_t i = 0; i < n; ++i) {
    const T yes = x[kScalars & 2 ? 0 : i], no = y[kScalars & 4 ? 0 : i];
    out[i] = condition[kScalars & 1 ? 0 : i] ? yes : no;
  }
}

template <typename T>
SelectLeaf select_of(unsigned scalars) {
  constexpr SelectLeaf kLoops[] = {select_loop<T, 0>, select_loop<T, 1>, select_loop<T, 2>, select_loop<T, 3>,
                                   select_loop<T, 4>, select_loop<T, 5>, select_loop<T, 6>, select_loop<T, 7>};
  return kLoops[scalars];
}

SelectLeaf select_function(size_t element_bytes, unsigned scalars) {
  if (element_bytes == 4) return select_of<uint32_t>(scalars);
  return element_bytes == 8 ? select_of<uint64_t>(scalars) : nullptr;
}

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(cast_function);
HWY_EXPORT(select_function);

CastLeaf cast_leaf(DType from, DType to, const platform::Isa& isa) {
  return for_isa(HWY_DISPATCH_TABLE(cast_function), isa)(from, to);
}

SelectLeaf select_leaf(size_t element_bytes, unsigned scalars, const platform::Isa& isa) {
  return for_isa(HWY_DISPATCH_TABLE(select_function), isa)(element_bytes, scalars);
}

}  // namespace tercel::kernels::simd
#endif
