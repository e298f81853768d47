#pragma once

#include <span>

#include "kernels/kernel.h"

// One function a file of rows; catalogue.cc walks them in this order, so the fast families come before the reference.
namespace tercel::kernels {

std::span<const KernelRow> dense_rows();        // x86/: packed Gemm for tercel.Dense, MatMul
std::span<const KernelRow> conv_rows();         // x86/: direct convolution, depthwise, first layer
std::span<const KernelRow> simd_rows();         // simd/: elementwise, softmax, normalisation, pooling, transpose, attention

std::span<const KernelRow> ref_elementwise_rows();
std::span<const KernelRow> ref_reduction_rows();
std::span<const KernelRow> ref_matrix_rows();
std::span<const KernelRow> ref_layout_rows();
std::span<const KernelRow> ref_indexing_rows();
std::span<const KernelRow> ref_generator_rows();
std::span<const KernelRow> ref_image_rows();
std::span<const KernelRow> ref_recurrent_rows();
std::span<const KernelRow> ref_quantized_rows();
std::span<const KernelRow> ref_signal_rows();
std::span<const KernelRow> ref_attention_rows();
std::span<const KernelRow> ref_classic_rows();
std::span<const KernelRow> ref_custom_rows();
std::span<const KernelRow> ref_fused_rows();

}  // namespace tercel::kernels
