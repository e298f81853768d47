#pragma once

#include <span>

#include "kernels/kernel.h"

// The rows of this folder, one function a file; simd_rows.cc joins them in this order.
namespace tercel::kernels::simd {

std::span<const KernelRow> elementwise_rows();

}  // namespace tercel::kernels::simd
