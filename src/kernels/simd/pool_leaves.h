#pragma once

#include <cstddef>

#include "platform/isa.h"

namespace tercel::kernels::simd {

// One output point of a channels-last pooling: `taps` are the (at least one) input points of its window, `channels` floats each.
struct PoolLeaves {
  void (*max)(const float* const* taps, size_t tap_count, size_t channels, float* out);
  void (*sum)(const float* const* taps, size_t tap_count, size_t channels, float factor, float* out);  // times factor
};
PoolLeaves pool_leaves(const platform::Isa& isa);

}  // namespace tercel::kernels::simd
