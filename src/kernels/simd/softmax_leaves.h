#pragma once

#include <cstddef>
#include <cstdint>

#include "platform/isa.h"

namespace tercel::kernels::simd {

// Softmax or LogSoftmax of `count` lines of n > 0 elements. y may be x.
struct SoftmaxLeaves {
  // Line i is x[i * n .. i * n + n - 1].
  void (*rows)(const float* x, float* y, int64_t count, size_t n);
  // Line i is x[i], x[i + step], ...; count <= step.
  void (*columns)(const float* x, float* y, int64_t count, size_t n, size_t step);
};
SoftmaxLeaves softmax_leaves(bool logarithm, const platform::Isa& isa);

}  // namespace tercel::kernels::simd
