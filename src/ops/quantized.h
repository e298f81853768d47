#pragma once

#include "ops/checks.h"

// What scales and zero points of the quantized operators apply to, for shape rules and kernels alike.
namespace tercel::ops {

// QuantizeLinear, DequantizeLinear: which scale belongs to element (o, i, k) of a tensor seen as [outer, extent, inner]
// around the quantized axis.
struct QuantizationGrain {
  enum class Kind : uint8_t { kTensor, kAxis, kBlock } kind = Kind::kTensor;
  int64_t extent = 1, inner = 1;
  int64_t block = 1, blocks = 1;  // elements along the axis that share a scale; how many such blocks there are
  int64_t index(int64_t element) const {
    if (kind == Kind::kTensor) return 0;
    const int64_t i = element / inner % extent;
    if (kind == Kind::kAxis) return i;
    return (element / inner / extent * blocks + i / block) * inner + element % inner;
  }
};
Result<QuantizationGrain> quantization_grain(const Attributes& attributes, const Shape& data, const Shape& scale);

// The type that QuantizeLinear divides in: attribute precision, or the type of the scale (double for an integer scale).
Result<DType> division_type(const Attributes& attributes, DType scale);

// MatMulInteger, QLinearMatMul: a scale or zero point of matrices [..., lines, other] (rows of A) or [..., other, lines]
// (columns of B): one for all, a vector with one a line, or one a line of each matrix.
enum class LineGrain : uint8_t { kTensor, kVector, kMatrices };
Result<LineGrain> line_grain(const Shape& matrices, const Shape& parameter, bool rows);

Result<void> infer_quantize_linear(InferContext& context);
Result<void> infer_dequantize_linear(InferContext& context);
Result<void> infer_dynamic_quantize_linear(InferContext& context);
Result<void> infer_matmul_integer(InferContext& context);
Result<void> infer_qlinear_matmul(InferContext& context);
Result<void> infer_conv_integer(InferContext& context);
Result<void> infer_qlinear_conv(InferContext& context);

}  // namespace tercel::ops
