#pragma once

#include "ops/checks.h"

// What the parameters of signal operators mean, for shape rules and kernels alike.
namespace tercel::ops {

// Samples of one transform.
inline constexpr int64_t kTransformMax = int64_t{1} << 26;

// DFT over one axis of [..., 1 or 2 parts].
struct DftParameters {
  int axis = 0;
  int64_t length = 0;               // of the transform
  int64_t out_extent = 0;           // along the axis
  int in_parts = 1, out_parts = 2;  // 1: real; 2: real and imaginary
  bool inverse = false, onesided = false;
};
// Of a static shape; `length` and `axis` are null where the inputs are absent.
Result<DftParameters> dft_parameters(const Attributes& attributes, const Shape& shape, const Tensor* length, const Tensor* axis);

// STFT of [batch, samples, 1 or 2 parts]; `window_length` is negative where there is no window.
struct StftParameters {
  int64_t step = 1, length = 0, frames = 0, bins = 0;
};
Result<StftParameters> stft_parameters(const Attributes& attributes, const Shape& signal, const Tensor& step,
                                       int64_t window_length, const Tensor* length);

// Shape rules; signal.cc lists them.
Result<void> infer_dft(InferContext& context);
Result<void> infer_stft(InferContext& context);
Result<void> infer_window(InferContext& context);
Result<void> infer_mel_weight_matrix(InferContext& context);

}  // namespace tercel::ops
