#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "ops/attributes.h"

// The sliding windows of Conv, ConvTranspose and the pooling operators: what their attributes mean, in checked numbers.
// Used by shape rules (extents may be symbols) and by kernels (everything is a number).
namespace tercel::ops {

inline constexpr int kSpatialMax = 3;                    // 1-D, 2-D and 3-D convolution and pooling
inline constexpr int64_t kWindowMax = int64_t{1} << 24;  // of kernel, stride, dilation and padding, each

struct WindowAxis {
  int64_t kernel = 1, stride = 1, dilation = 1;
  int64_t pad_begin = 0, pad_end = 0;
  int64_t reach() const { return (kernel - 1) * dilation + 1; }  // input elements from the first tap to the last
};

enum class AutoPad : uint8_t { kExplicit, kSameUpper, kSameLower, kValid };

struct Windows {
  int rank = 0;
  std::array<WindowAxis, kSpatialMax> axes;
  AutoPad auto_pad = AutoPad::kExplicit;
  bool ceil_mode = false;
};

// Of the attributes kernel_shape, strides, dilations, pads, auto_pad and ceil_mode. `kernel` are the extents that the
// weights say, and kernel_shape must agree; empty: kernel_shape decides, and must be there.
Result<Windows> windows_of(const Attributes& attributes, std::span<const int64_t> kernel, int rank);

// The output extent along one axis. An error when the kernel is larger than the padded input.
Result<Dim> output_extent(const Windows& windows, int axis, Dim input);

// Windows over inputs of known size, always three axes (lower ranks get leading axes of extent 1).
struct WindowGeometry {
  std::array<int64_t, kSpatialMax> input{1, 1, 1}, output{1, 1, 1};
  std::array<WindowAxis, kSpatialMax> axes;  // padding resolved
  int64_t taps() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }
  int64_t input_points() const { return input[0] * input[1] * input[2]; }
  int64_t output_points() const { return output[0] * output[1] * output[2]; }
};
Result<WindowGeometry> geometry_of(const Windows& windows, std::span<const int64_t> input);

// Where batch, channels and space lie in an activation: [N, C, space...], or [N, space..., C] with channels_last = 1.
struct ActivationLayout {
  bool channels_last = false;
  int rank = 0;  // of the tensor
  int channel_axis() const { return channels_last ? rank - 1 : 1; }
  int space_axis(int i) const { return i + (channels_last ? 1 : 2); }
  int space_rank() const { return rank - 2; }
};
ActivationLayout layout_of(const Attributes& attributes, int rank);
std::array<int64_t, kSpatialMax> space_of(const ActivationLayout& layout, const Shape& shape);  // the first space_rank() count

}  // namespace tercel::ops
