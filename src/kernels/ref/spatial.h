#pragma once

#include "ops/window.h"

namespace tercel::kernels {

// Element strides of an activation [N, C, space...] or [N, space..., C], with space as three axes (leading ones of extent 1).
struct ActivationStrides {
  int64_t batch = 0, channel = 0;
  std::array<int64_t, ops::kSpatialMax> space{};
  int64_t batches = 0, channels = 0;
};

inline ActivationStrides activation_strides(const ops::ActivationLayout& layout, const Shape& shape) {
  const auto strides = strides_of(shape);
  ActivationStrides s;
  s.batches = shape.size(0);
  s.channels = shape.size(layout.channel_axis());
  s.batch = strides[0];
  s.channel = strides[static_cast<size_t>(layout.channel_axis())];
  const int lead = ops::kSpatialMax - layout.space_rank();
  for (int i = 0; i < layout.space_rank(); ++i)
    s.space[static_cast<size_t>(i + lead)] = strides[static_cast<size_t>(layout.space_axis(i))];
  return s;
}

inline std::span<const int64_t> space_sizes(const ops::ActivationLayout& layout,
                                            const std::array<int64_t, ops::kSpatialMax>& space) {
  return std::span<const int64_t>(space).first(static_cast<size_t>(layout.space_rank()));
}

}  // namespace tercel::kernels
