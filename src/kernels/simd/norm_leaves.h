#pragma once

#include <cstddef>
#include <cstdint>

#include "platform/isa.h"

namespace tercel::kernels::simd {

// Of a row that lies close together far from zero, what rounding takes from the mean is large against the deviation: both parts
// are kept. mean + mean_low is the mean, inverse_deviation 1 / sqrt(variance + epsilon).
struct Moments {
  float mean, mean_low, inverse_deviation;
};

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
  Moments (*moments)(const float* x, size_t n, double epsilon);  // of one row
  // y = (x - mean) * factor + bias of one row.
  void (*affine)(const float* x, float mean, float factor, float bias, float* y, size_t n);
  // y = (x - mean[j]) * factor[j] + bias[j] of several rows.
  void (*affine_columns)(const float* x, const float* mean, const float* factor, const float* bias, float* y, int64_t rows,
                         size_t n);
};
NormLeaves norm_leaves(const platform::Isa& isa);

}  // namespace tercel::kernels::simd
