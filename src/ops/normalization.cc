#include "ops/normalization_rules.h"
#include "ops/rules.h"
#include "ops/window.h"

namespace tercel::ops {

namespace {

Result<void> want_float_like_first(const InferContext& c, size_t last) {
  TRY(want_type(c, 0, kFloatTypes));
  for (size_t i = 1; i <= last; ++i) TRY(want_type(c, i, kFloatTypes));
  return {};
}

Result<void> want_per_channel(const InferContext& c, size_t input, Dim channels) {
  if (!c.has(input)) return {};
  TRY(want_rank(c, input, 1, 1));
  TRY(unify(c.shape(input)[0], channels, "the channels and a per-channel input"));
  return {};
}

// The scale or bias of a LayerNormalization broadcasts to X without changing its shape.
Result<void> want_broadcast_to(const InferContext& c, size_t input, const Shape& x) {
  if (!c.has(input)) return {};
  const Shape& s = c.shape(input);
  for (int i = 0; i < s.rank(); ++i) {
    const int at = i + x.rank() - s.rank();
    if (at < 0 ? s[i] == Dim(1) : s[i] == Dim(1) || may_equal(s[i], x[at])) continue;
    return invalid(describe(c, input) + " does not broadcast to the input's shape " + to_string(x));
  }
  return {};
}

}  // namespace

Result<void> infer_along_axis(InferContext& c) {
  TRY(want_rank(c, 0, 1));
  TRY(axis_of(c.attributes(), "axis", -1, c.shape(0).rank()));
  const int64_t p = c.attributes().get_int("p", 2);
  if (p != 1 && p != 2) return invalid("attribute 'p' must be 1 or 2");
  return infer_same<kFloatTypes>(c);
}

Result<void> infer_layer_normalization(InferContext& c) {
  TRY(want_float_like_first(c, 2));
  TRY(want_rank(c, 0, 1));
  const Shape& x = c.shape(0);
  const int axis = TRY(axis_of(c.attributes(), "axis", -1, x.rank()));
  for (size_t i : {1, 2}) TRY(want_broadcast_to(c, i, x));
  TRY(emit(c, 0, c.dtype(0), x));
  Shape statistics = x;
  for (int i = axis; i < x.rank(); ++i) statistics[i] = Dim(1);
  const DType stash = c.dtype(0) == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  for (size_t i : {1, 2}) TRY(emit(c, i, stash, statistics));
  return {};
}

Result<void> infer_rms_normalization(InferContext& c) {
  TRY(want_float_like_first(c, 1));
  TRY(want_rank(c, 0, 1));
  TRY(axis_of(c.attributes(), "axis", -1, c.shape(0).rank()));
  TRY(want_broadcast_to(c, 1, c.shape(0)));
  return emit(c, 0, c.dtype(1), c.shape(0));
}

Result<void> infer_group_normalization(InferContext& c) {
  TRY(want_float_like_first(c, 2));
  TRY(want_rank(c, 0, 2));
  const int64_t groups = TRY(need_int(c.attributes(), "num_groups"));
  const Dim channels = c.shape(0)[layout_of(c.attributes(), c.shape(0).rank()).channel_axis()];
  if (groups < 1) return invalid("attribute 'num_groups' must be at least 1");
  if (channels.is_known() && channels.size() % groups)
    return invalid(std::to_string(channels.size()) + " channels are not divided by " + std::to_string(groups) + " groups");
  for (size_t i : {1, 2}) TRY(want_per_channel(c, i, channels));
  return emit(c, 0, c.dtype(0), c.shape(0));
}

Result<void> infer_instance_normalization(InferContext& c) {
  TRY(want_float_like_first(c, 2));
  TRY(want_rank(c, 0, 2));
  const Dim channels = c.shape(0)[layout_of(c.attributes(), c.shape(0).rank()).channel_axis()];
  for (size_t i : {1, 2}) TRY(want_per_channel(c, i, channels));
  return emit(c, 0, c.dtype(0), c.shape(0));
}

Result<void> infer_batch_normalization(InferContext& c) {
  TRY(want_float_like_first(c, 4));
  if (c.attributes().get_int("training_mode", 0))
    return unsupported("BatchNormalization in training mode; export the model for inference");
  if (c.output_count() > 1)
    return unsupported("BatchNormalization with more than one output belongs to training; export the model for inference");
  TRY(want_rank(c, 0, 1));
  const int rank = c.shape(0).rank();
  const Dim channels = rank < 2 ? Dim(1) : c.shape(0)[layout_of(c.attributes(), rank).channel_axis()];
  for (size_t i : {1, 2, 3, 4}) TRY(want_per_channel(c, i, channels));
  return emit(c, 0, c.dtype(0), c.shape(0));
}

Result<void> infer_mean_variance_normalization(InferContext& c) {
  const auto axes = c.attributes().get_ints("axes");
  const int rank = c.shape(0).rank();
  if (axes.empty()) TRY(want_rank(c, 0, 4));
  TRY(distinct_axes(axes, rank));
  return infer_same<kFloatTypes>(c);
}

Result<void> infer_lrn(InferContext& c) {
  TRY(want_rank(c, 0, 2));
  const int64_t size = TRY(need_int(c.attributes(), "size"));
  if (size < 1 || size > kWindowMax) return invalid("attribute 'size' is " + std::to_string(size) + "; it must be at least 1");
  return infer_same<kFloatTypes>(c);
}

}  // namespace tercel::ops
