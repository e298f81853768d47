#pragma once

#include "kernels/kernel.h"
#include "kernels/x86/leaf.h"

namespace tercel::kernels::x86 {

// MatMul and tercel.MatMul: both operands are data, panels of B are packed as they are needed.
Refusal matmul_accepts(const StepContext& context);
Result<Kernel> matmul_bind(const StepContext& context, const TileFamily& family);

}  // namespace tercel::kernels::x86
