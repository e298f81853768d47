#pragma once

#include <cstddef>
#include <cstdint>

#include "platform/isa.h"

namespace tercel::kernels::simd {

// Loops of the normalisations. Rows are n > 0 contiguous floats, behind each other; y may be x. Variances are of the
// differences from the mean (two passes over a row that stays in cache).
struct NormLeaves {
  // y = (x - mean) / sqrt(variance + epsilon) * scale[j] + bias[j]; bias may be null.
  void (*layer)(const float* x, const float* scale, const float* bias, float* y, int64_t rows, size_t n, double epsilon);
  // y = x / sqrt(mean square + epsilon) * scale[j]
  void (*rms)(const float* x, const float* scale, float* y, int64_t rows, size_t n, double epsilon);
  // The layer normalisation of x + residual, and the sum itself where `sum` is not null.
  void (*skip_layer)(const float* x, const float* residual, const float* scale, const float* bias, float* sum, float* y,
                     int64_t rows, size_t n, double epsilon);
  // Mean and 1 / sqrt(variance + epsilon) of one row.
  void (*moments)(const float* x, size_t n, double epsilon, float* mean, float* inverse_deviation);
  // y = (x - mean) * factor + bias of one row.
  void (*affine)(const float* x, float mean, float factor, float bias, float* y, size_t n);
  // y = (x - mean[j]) * factor[j] + bias[j] of several rows.
  void (*affine_columns)(const float* x, const float* mean, const float* factor, const float* bias, float* y, int64_t rows,
                         size_t n);
};
NormLeaves norm_leaves(const platform::Isa& isa);

}  // namespace tercel::kernels::simd
