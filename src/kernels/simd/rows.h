#pragma once

#include <span>

#include "kernels/kernel.h"

// The rows of this folder, one function a file; simd_rows.cc joins them in this order.
namespace tercel::kernels::simd {

std::span<const KernelRow> elementwise_rows();
std::span<const KernelRow> softmax_rows();
std::span<const KernelRow> layer_norm_rows();
std::span<const KernelRow> channel_norm_rows();
std::span<const KernelRow> reduce_rows();
std::span<const KernelRow> pool_rows();
std::span<const KernelRow> move_rows();
std::span<const KernelRow> gather_rows();
std::span<const KernelRow> recurrent_rows();
std::span<const KernelRow> cast_rows();
std::span<const KernelRow> forest_rows();
std::span<const KernelRow> distance_rows();

}  // namespace tercel::kernels::simd
