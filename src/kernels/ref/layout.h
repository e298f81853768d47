#pragma once

#include "kernels/ref/strided_copy.h"
#include "ops/layout.h"

// Binders of layout operators that need more than one strided copy; layout.cc lists them.
namespace tercel::kernels {

// The contents of an input that the output's shape was computed from, so that they are known when a step is bound.
Result<const Tensor*> need_constant(const StepContext& context, size_t input);

Result<Kernel> bind_pad(const StepContext& context);               // pad.cc
Result<Kernel> bind_center_crop_pad(const StepContext& context);   // pad.cc
Result<Kernel> bind_trilu(const StepContext& context);             // rearrange.cc
Result<Kernel> bind_reverse_sequence(const StepContext& context);  // rearrange.cc
Result<Kernel> bind_col2im(const StepContext& context);            // rearrange.cc

}  // namespace tercel::kernels
