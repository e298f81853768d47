#pragma once

#include "kernels/x86/conv_geometry.h"
#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

// The taps of output pixels as runs of channels, read where the input lies; taps outside of it read `zeros`.
struct ConvTaps {
  const ConvGeometry& g;
  const float* input;  // at the first channel of the group
  const float* zeros;  // group_channels() of them

  RunRange fill(int64_t pixel, int count, const DepthBlock& block, const float** starts) const;
};

// A copy of the rows of one image that a range of its output pixels reads, with the zeros around it in place: then the
// taps of a kernel row are one run of kernel_w * channels floats. For few channels, where runs of them would be short.
// Wants one group and dilation_w 1.
struct ConvStrip {
  const ConvGeometry& g;
  float* strip;
  int64_t first_pixel = 0, first_y = 0;  // of the range, and its first output row

  static int64_t row_floats(const ConvGeometry& g) { return ((g.out_width - 1) * g.stride_w + g.kernel_w) * g.channels; }
  static int64_t rows_of(const ConvGeometry& g, int64_t out_rows) {
    return (out_rows - 1) * g.stride_h + (g.kernel_h - 1) * g.dilation_h + 1;
  }
  // Copies what pixels [pixel0, pixel1) of one image read.
  void load(const float* input, int64_t pixel0, int64_t pixel1);
  RunRange fill(int64_t pixel, int count, const DepthBlock& block, const float** starts) const;
};

}  // namespace tercel::kernels::x86
