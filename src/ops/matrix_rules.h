#pragma once

#include "ops/op.h"

// Shape rules of the matrix family that live in files of their own; matrix.cc lists the operators.
namespace tercel::ops {

// convolution.cc
Result<void> infer_conv(InferContext& context);
Result<void> infer_conv_transpose(InferContext& context);
Result<void> infer_deform_conv(InferContext& context);
double flops_conv(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs);
double flops_conv_transpose(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs);

// pooling.cc
Result<void> infer_max_pool(InferContext& context);
Result<void> infer_float_pool(InferContext& context);  // AveragePool, LpPool
Result<void> infer_global_pool(InferContext& context);
Result<void> infer_max_unpool(InferContext& context);
double flops_pool(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs);

// matrix.cc, also for tercel.MatMul and tercel.Dense: [..., M, K] times [..., K, N].
Result<Shape> matmul_shape(Shape a, Shape b);
double flops_matmul(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs);

}  // namespace tercel::ops
