#pragma once

#include "kernels/kernel.h"
#include "kernels/x86/leaf.h"

namespace tercel::kernels::x86 {

// tercel.Attention: a chunk is one head and a range of its queries; scores never leave the worker's scratch.
Refusal attention_accepts(const StepContext& context);
Result<Kernel> attention_bind(const StepContext& context, const TileFamily& family);

}  // namespace tercel::kernels::x86
