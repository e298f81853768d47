#pragma once

#include "ops/window.h"

namespace tercel::ops {

// The windows of ConvTranspose and MaxUnpool, which run the other way: an input element spreads over a window of the output.
struct TransposedWindows {
  Windows windows;
  std::array<int64_t, kSpatialMax> output_padding{};
  std::array<int64_t, kSpatialMax> output_shape{};  // of the attribute, where has_output_shape
  bool has_output_shape = false;
};

// As windows_of, and the attributes output_padding and output_shape.
Result<TransposedWindows> transposed_windows_of(const Attributes& attributes, std::span<const int64_t> kernel, int rank);

// The output extent along one axis, for an input of that extent.
Result<Dim> transposed_extent(const TransposedWindows& windows, int axis, Dim input);

// For inputs of known size; `axes` have the padding resolved: output = input * stride + tap * dilation - pad_begin.
Result<WindowGeometry> transposed_geometry(const TransposedWindows& windows, std::span<const int64_t> input);

}  // namespace tercel::ops
