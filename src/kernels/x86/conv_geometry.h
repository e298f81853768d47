#pragma once

#include <cstdint>

#include "base/result.h"
#include "kernels/kernel.h"

namespace tercel::kernels::x86 {

// Sizes of a channels-last convolution over one or two spatial axes; one axis is two with height 1.
struct ConvGeometry {
  int64_t batch, height, width, channels;       // input [batch, height, width, channels]
  int64_t out_height, out_width, out_channels;  // output
  int64_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
  int64_t groups;

  int64_t taps() const { return kernel_h * kernel_w; }
  int64_t group_channels() const { return channels / groups; }
  int64_t group_outputs() const { return out_channels / groups; }
  int64_t pixels() const { return batch * out_height * out_width; }
  bool same_extents() const { return height == out_height && width == out_width; }
  // Any tap of any output pixel outside of the input?
  bool has_border() const {
    return pad_top > 0 || pad_left > 0 || (out_height - 1) * stride_h - pad_top + (kernel_h - 1) * dilation_h >= height ||
           (out_width - 1) * stride_w - pad_left + (kernel_w - 1) * dilation_w >= width;
  }
};

// Of a step that says channels_last=1, or why it is none of ours.
Result<ConvGeometry> conv_geometry(const StepContext& context);

}  // namespace tercel::kernels::x86
