#include <algorithm>

#include "ops/matrix_rules.h"
#include "ops/rules.h"
#include "ops/transposed_window.h"

namespace tercel::ops {

namespace {

constexpr TypeSet kMaxPoolTypes = kFloatTypes | type_set({DType::kInt8, DType::kUint8});

Result<Shape> pool_shape(const InferContext& c) {
  TRY(want_rank(c, 0, 3, 2 + kSpatialMax));
  const ActivationLayout layout = layout_of(c.attributes(), c.shape(0).rank());
  const Windows windows = TRY(windows_of(c.attributes(), {}, layout.space_rank()));
  Shape out = c.shape(0);
  for (int i = 0; i < windows.rank; ++i) out[layout.space_axis(i)] = TRY(output_extent(windows, i, out[layout.space_axis(i)]));
  return out;
}

Result<void> want_order(const Attributes& attributes) {
  const int64_t p = attributes.get_int("p", 2);
  if (p < 1 || p > kWindowMax) return invalid("attribute 'p' is " + std::to_string(p) + "; it must be at least 1");
  return {};
}

}  // namespace

Result<void> infer_max_pool(InferContext& c) {
  TRY(want_type(c, 0, kMaxPoolTypes));
  const Shape out = TRY(pool_shape(c));
  if (c.output_count() > 1 && layout_of(c.attributes(), out.rank()).channels_last)
    return unsupported("MaxPool with Indices has no channels-last form");
  TRY(emit(c, 0, c.dtype(0), out));
  return emit(c, 1, DType::kInt64, out);
}

Result<void> infer_float_pool(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_order(c.attributes()));
  return emit(c, 0, c.dtype(0), TRY(pool_shape(c)));
}

Result<void> infer_global_pool(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_order(c.attributes()));
  TRY(want_rank(c, 0, 2, kRankMax));
  const ActivationLayout layout = layout_of(c.attributes(), c.shape(0).rank());
  Shape out = c.shape(0);
  for (int i = 0; i < layout.space_rank(); ++i) out[layout.space_axis(i)] = Dim(1);
  return emit(c, 0, c.dtype(0), out);
}

// X, Indices (as MaxPool made them), optional output shape.
Result<void> infer_max_unpool(InferContext& c) {
  TRY(want_type(c, 0, kMaxPoolTypes));
  TRY(want_type(c, 1, type_set({DType::kInt64})));
  TRY(want_rank(c, 0, 3, 2 + kSpatialMax));
  const Shape& x = c.shape(0);
  TRY(want_rank(c, 1, x.rank(), x.rank()));
  for (int i = 0; i < x.rank(); ++i) TRY(unify(x[i], c.shape(1)[i], "the extents of X and its indices"));
  const TransposedWindows windows = TRY(transposed_windows_of(c.attributes(), {}, x.rank() - 2));
  Shape out = x;
  for (int i = 2; i < x.rank(); ++i) out[i] = TRY(transposed_extent(windows, i - 2, x[i]));
  if (!c.has(2)) return emit(c, 0, c.dtype(0), out);
  if (!c.value(2)) {
    for (int i = 2; i < x.rank(); ++i) out[i] = Dim::unknown();
    return needs_value(c, 0, c.dtype(0), out.dims(), 2);
  }
  const std::vector<int64_t> wanted = TRY(parameter_ints(c, 2, "the output shape"));
  if (wanted.size() != static_cast<size_t>(x.rank()))
    return invalid("the output shape must have " + std::to_string(x.rank()) + " extents");
  for (int i = 0; i < x.rank(); ++i) {
    const int64_t extent = wanted[static_cast<size_t>(i)];
    if (extent < 0 || (out[i].is_known() && extent < out[i].size()))
      return invalid("the output shape has the extent " + std::to_string(extent) + ", less than the windows cover");
    out[i] = Dim(extent);
  }
  return emit(c, 0, c.dtype(0), out);
}

// One per output element and tap, or per input element of a global pool.
double flops_pool(const Attributes& attributes, std::span<const TensorType> inputs, std::span<const TensorType> outputs) {
  double taps = 1;
  for (int64_t extent : attributes.get_ints("kernel_shape")) taps *= static_cast<double>(extent);
  return std::max(taps * static_cast<double>(outputs[0].shape.elements()), static_cast<double>(inputs[0].shape.elements()));
}

}  // namespace tercel::ops
