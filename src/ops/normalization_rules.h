#pragma once

#include "ops/op.h"

// Shape rules of the normalisations and losses (normalization.cc, loss.cc); reduction.cc lists the operators.
namespace tercel::ops {

Result<void> infer_along_axis(InferContext& context);  // Softmax, LogSoftmax, Hardmax, LpNormalization
Result<void> infer_layer_normalization(InferContext& context);
Result<void> infer_rms_normalization(InferContext& context);
Result<void> infer_group_normalization(InferContext& context);
Result<void> infer_instance_normalization(InferContext& context);
Result<void> infer_batch_normalization(InferContext& context);
Result<void> infer_mean_variance_normalization(InferContext& context);
Result<void> infer_lrn(InferContext& context);
Result<void> infer_negative_log_likelihood(InferContext& context);
Result<void> infer_softmax_cross_entropy(InferContext& context);

}  // namespace tercel::ops
