#pragma once

#include "kernels/kernel.h"

// Binders of the attention family that live in linear_attention.cc; attention.cc lists the rows.
namespace tercel::kernels {

Result<Kernel> bind_linear_attention(const StepContext& c);
Result<Kernel> bind_causal_conv(const StepContext& c);

}  // namespace tercel::kernels
