#include "kernels/x86/conv_geometry.h"

#include <algorithm>

#include "ops/activation.h"

namespace tercel::kernels::x86 {

namespace {

constexpr int64_t kGeometryMax = int64_t{1} << 24;  // products of two of them and an extent stay far from overflow

// Zeros before the first element, as `auto_pad` asks or `pads` says.
int64_t pad_before(const ops::Attributes& attributes, int axis, int64_t in, int64_t out, int64_t kernel, int64_t stride,
                   int64_t dilation) {
  const std::string_view mode = attributes.get_string("auto_pad", "NOTSET");
  const auto pads = attributes.get_ints("pads");
  if (mode == "VALID") return 0;
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    if (std::max({stride, kernel, dilation}) > kGeometryMax) return 0;  // refused below
    const int64_t total = std::max<int64_t>(0, (out - 1) * stride + (kernel - 1) * dilation + 1 - in);
    return mode == "SAME_UPPER" ? total / 2 : total - total / 2;
  }
  return static_cast<size_t>(axis) < pads.size() ? pads[static_cast<size_t>(axis)] : 0;
}

int64_t value_at(std::span<const int64_t> values, int axis) {
  return static_cast<size_t>(axis) < values.size() ? values[static_cast<size_t>(axis)] : 1;
}

}  // namespace

Result<ConvGeometry> conv_geometry(const StepContext& context) {
  if (context.attributes.get_int("channels_last", 0) == 0) return unsupported("wants channels last");
  if (context.in(0).dtype != DType::kFloat32) return unsupported("wants float32");
  if (!context.constant(1)) return unsupported("wants a constant weight");
  const Shape& x = context.in(0).shape;
  const Shape& w = context.in(1).shape;
  const Shape& y = context.out(0).shape;
  if (x.rank() != w.rank() || x.rank() != y.rank() || x.rank() < 3 || x.rank() > 4)
    return unsupported("wants one or two spatial axes");

  const auto strides = context.attributes.get_ints("strides"), dilations = context.attributes.get_ints("dilations");
  const int last = x.rank() - 3;  // the spatial axis that is the width
  ConvGeometry g{};
  g.batch = x.size(0);
  g.channels = x.size(x.rank() - 1);
  g.out_channels = w.size(0);
  g.groups = context.attributes.get_int("group", 1);
  g.width = x.size(1 + last), g.out_width = y.size(1 + last), g.kernel_w = w.size(2 + last);
  g.stride_w = value_at(strides, last), g.dilation_w = value_at(dilations, last);
  g.pad_left = pad_before(context.attributes, last, g.width, g.out_width, g.kernel_w, g.stride_w, g.dilation_w);
  g.height = g.out_height = g.kernel_h = g.stride_h = g.dilation_h = 1;
  if (last == 1) {
    g.height = x.size(1), g.out_height = y.size(1), g.kernel_h = w.size(2);
    g.stride_h = value_at(strides, 0), g.dilation_h = value_at(dilations, 0);
    g.pad_top = pad_before(context.attributes, 0, g.height, g.out_height, g.kernel_h, g.stride_h, g.dilation_h);
  }
  if (g.groups < 1 || g.channels != w.size(1) * g.groups || g.out_channels % g.groups != 0)
    return unsupported("wants input channels = group x the weight's second extent");
  for (const int64_t value : {g.stride_h, g.stride_w, g.dilation_h, g.dilation_w, g.kernel_h, g.kernel_w, g.pad_top, g.pad_left})
    if (value > kGeometryMax) return unsupported("wants strides, dilations, kernel extents and pads of at most 2^24");
  if (g.stride_h < 1 || g.stride_w < 1 || g.dilation_h < 1 || g.dilation_w < 1)
    return unsupported("wants positive strides and dilations");
  if (g.pad_top < 0 || g.pad_left < 0) return unsupported("wants pads that are not negative");
  if (!ops::activation_of(context.attributes).ok()) return unsupported("does not know the activation");
  return g;
}

}  // namespace tercel::kernels::x86
