#include "kernels/ref/quantized.h"

#include "kernels/families.h"

namespace tercel::kernels {

namespace {

constexpr KernelRow kRows[] = {
    {"QuantizeLinear", "quantizelinear/ref", platform::kPortable, nullptr, bind_quantize_linear},
    {"DequantizeLinear", "dequantizelinear/ref", platform::kPortable, nullptr, bind_dequantize_linear},
    {"DynamicQuantizeLinear", "dynamicquantizelinear/ref", platform::kPortable, nullptr, bind_dynamic_quantize_linear},
    {"MatMulInteger", "matmulinteger/ref", platform::kPortable, nullptr, bind_matmul_integer},
    {"QLinearMatMul", "qlinearmatmul/ref", platform::kPortable, nullptr, bind_qlinear_matmul},
    {"ConvInteger", "convinteger/ref", platform::kPortable, nullptr, bind_conv_integer},
    {"QLinearConv", "qlinearconv/ref", platform::kPortable, nullptr, bind_qlinear_conv},
};

}  // namespace

std::span<const KernelRow> ref_quantized_rows() { return kRows; }

}  // namespace tercel::kernels
