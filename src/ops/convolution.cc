#include "ops/activation.h"
#include "ops/matrix_rules.h"
#include "ops/rules.h"
#include "ops/transposed_window.h"

namespace tercel::ops {

namespace {

// [N, C, space...] in the layout's order.
Shape arranged(const ActivationLayout& layout, Dim batch, Dim channels, std::span<const Dim> space) {
  Shape shape{batch};
  if (!layout.channels_last) shape.push_back(channels);
  for (Dim extent : space) shape.push_back(extent);
  if (layout.channels_last) shape.push_back(channels);
  return shape;
}

Result<void> want_channel_vector(const InferContext& c, size_t input, Dim channels) {
  if (!c.has(input)) return {};
  TRY(want_rank(c, input, 1, 1));
  TRY(unify(c.shape(input)[0], channels, "the bias and the output channels"));
  return {};
}

Result<int64_t> group_of(const Attributes& attributes) {
  const int64_t group = attributes.get_int("group", 1);
  if (group < 1 || group > kWindowMax)
    return invalid("attribute 'group' is " + std::to_string(group) + "; it must be at least 1");
  return group;
}

// The spatial extents of a weight [., ., k...], where all are known.
std::optional<std::vector<int64_t>> kernel_of(const Shape& weight) {
  std::vector<int64_t> kernel;
  for (int i = 2; i < weight.rank(); ++i) {
    if (!weight[i].is_known()) return std::nullopt;
    kernel.push_back(weight[i].size());
  }
  return kernel;
}

Result<void> check_groups(Dim in_channels, Dim per_group, Dim out_channels, int64_t group) {
  if (!may_equal(in_channels, per_group * Dim(group)))
    return invalid("the input has " + std::to_string(in_channels.size()) + " channels, but the weights take " +
                   std::to_string(group) + " group(s) of " + std::to_string(per_group.size()));
  if (out_channels.is_known() && out_channels.size() % group)
    return invalid(std::to_string(out_channels.size()) + " output channels are not divided by " + std::to_string(group) +
                   " groups");
  return {};
}

Result<Shape> conv_output(const InferContext& c, const ActivationLayout& layout) {
  const Shape &x = c.shape(0), &w = c.shape(1);
  std::vector<Dim> space(static_cast<size_t>(layout.space_rank()), Dim::unknown());
  if (const auto kernel = kernel_of(w)) {
    const Windows windows = TRY(windows_of(c.attributes(), *kernel, layout.space_rank()));
    for (int i = 0; i < windows.rank; ++i)
      space[static_cast<size_t>(i)] = TRY(output_extent(windows, i, x[layout.space_axis(i)]));
  }
  return arranged(layout, x[0], w[0], space);
}

Result<void> want_conv_ranks(const InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_same_dtype(c, 0, c.input_count() - 1));
  TRY(want_rank(c, 0, 3, 2 + kSpatialMax));
  return want_rank(c, 1, c.shape(0).rank(), c.shape(0).rank());
}

}  // namespace

Result<void> infer_conv(InferContext& c) {
  TRY(want_conv_ranks(c));
  TRY(activation_of(c.attributes()));
  const ActivationLayout layout = layout_of(c.attributes(), c.shape(0).rank());
  const Shape &x = c.shape(0), &w = c.shape(1);
  TRY(check_groups(x[layout.channel_axis()], w[1], w[0], TRY(group_of(c.attributes()))));
  TRY(want_channel_vector(c, 2, w[0]));
  const Shape out = TRY(conv_output(c, layout));
  if (c.has(3)) {
    TRY(want_rank(c, 3, out.rank(), out.rank()));
    for (int i = 0; i < out.rank(); ++i) TRY(unify(c.shape(3)[i], out[i], "the extents of the residual and the output"));
  }
  return emit(c, 0, c.dtype(0), out);
}

// W is [C, M / group, k...]: the input's channels come first.
Result<void> infer_conv_transpose(InferContext& c) {
  TRY(want_conv_ranks(c));
  const ActivationLayout layout = layout_of(c.attributes(), c.shape(0).rank());
  const Shape &x = c.shape(0), &w = c.shape(1);
  const int64_t group = TRY(group_of(c.attributes()));
  const Dim in_channels = TRY(unify(x[layout.channel_axis()], w[0], "the input channels and the weights"));
  if (in_channels.is_known() && in_channels.size() % group)
    return invalid(std::to_string(in_channels.size()) + " input channels are not divided by " + std::to_string(group) +
                   " groups");
  const Dim out_channels = w[1] * Dim(group);
  TRY(want_channel_vector(c, 2, out_channels));
  std::vector<Dim> space(static_cast<size_t>(layout.space_rank()), Dim::unknown());
  if (const auto kernel = kernel_of(w)) {
    const TransposedWindows windows = TRY(transposed_windows_of(c.attributes(), *kernel, layout.space_rank()));
    for (int i = 0; i < layout.space_rank(); ++i)
      space[static_cast<size_t>(i)] = TRY(transposed_extent(windows, i, x[layout.space_axis(i)]));
  }
  return emit(c, 0, c.dtype(0), arranged(layout, x[0], out_channels, space));
}

// Two-dimensional: X, W, offset [N, groups * taps * 2, oH, oW], optional bias, optional mask [N, groups * taps, oH, oW].
Result<void> infer_deform_conv(InferContext& c) {
  TRY(want_conv_ranks(c));
  if (c.shape(0).rank() != 4) return unsupported("DeformConv over other than two spatial axes");
  for (size_t i : {2, 4})
    if (c.has(i)) TRY(want_rank(c, i, 4, 4));
  const Shape &x = c.shape(0), &w = c.shape(1), &offset = c.shape(2);
  TRY(check_groups(x[1], w[1], w[0], TRY(group_of(c.attributes()))));
  const int64_t groups = c.attributes().get_int("offset_group", 1);
  if (groups < 1 || groups > kWindowMax || (x[1].is_known() && x[1].size() % groups))
    return invalid("attribute 'offset_group' must divide the channels of the input");
  TRY(want_channel_vector(c, 3, w[0]));
  const Shape out = TRY(conv_output(c, {false, 4}));
  const Dim taps = w[2] * w[3] * Dim(groups);
  TRY(unify(offset[1], taps * Dim(2), "the channels of the offset input and the taps of the kernel"));
  for (size_t i : {2, 4}) {
    if (!c.has(i)) continue;
    TRY(unify(c.shape(i)[0], x[0], "the batches of the inputs"));
    for (int axis : {2, 3}) TRY(unify(c.shape(i)[axis], out[axis], "the extents of the offset or mask and the output"));
  }
  if (c.has(4)) TRY(unify(c.shape(4)[1], taps, "the channels of the mask and the taps of the kernel"));
  return emit(c, 0, c.dtype(0), out);
}

// Two per output element and weight element of its channel.
double flops_conv(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs) {
  const Shape& w = inputs[1].shape;
  return w.rank() < 2 ? 0 : 2.0 * static_cast<double>(w.elements(1, w.rank())) * static_cast<double>(outputs[0].shape.elements());
}

double flops_conv_transpose(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType>) {
  const Shape& w = inputs[1].shape;
  return w.rank() < 2 ? 0 : 2.0 * static_cast<double>(w.elements(1, w.rank())) * static_cast<double>(inputs[0].shape.elements());
}

}  // namespace tercel::ops
