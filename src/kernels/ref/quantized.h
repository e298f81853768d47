#pragma once

#include "kernels/kernel.h"
#include "ops/quantized.h"

// Binders of the quantized operators; quantized.cc lists them.
namespace tercel::kernels {

Result<Kernel> bind_quantize_linear(const StepContext& context);          // quantize.cc
Result<Kernel> bind_dequantize_linear(const StepContext& context);        // quantize.cc
Result<Kernel> bind_dynamic_quantize_linear(const StepContext& context);  // quantize.cc
Result<Kernel> bind_matmul_integer(const StepContext& context);           // quantized_matmul.cc
Result<Kernel> bind_qlinear_matmul(const StepContext& context);           // quantized_matmul.cc
Result<Kernel> bind_conv_integer(const StepContext& context);             // quantized_conv.cc
Result<Kernel> bind_qlinear_conv(const StepContext& context);             // quantized_conv.cc

// Element i of int8 or uint8 data.
inline int32_t byte_at(const void* data, bool is_signed, int64_t i) {
  return is_signed ? static_cast<const int8_t*>(data)[i] : static_cast<const uint8_t*>(data)[i];
}

// A sum of products as ONNX keeps it: in 32 bits, wrapping around.
inline int32_t wrapped(int64_t sum) { return static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(sum))); }

// Stores round(value) + zero_point as int8 or uint8, saturated; a NaN gives the zero point.
void store_byte(void* data, bool is_signed, int64_t i, double value, int32_t zero_point);

}  // namespace tercel::kernels
