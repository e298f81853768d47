#pragma once

#include "kernels/kernel.h"
#include "kernels/x86/leaf.h"

namespace tercel::kernels::x86 {

// Conv, channels last: every output pixel is a row of a product whose runs are the taps of the kernel.
Refusal conv_accepts(const StepContext& context);
Result<Kernel> conv_bind(const StepContext& context, const TileFamily& family);
size_t conv_packed_bytes(const StepContext& context, const TileFamily& family);
void conv_pack(const StepContext& context, const TileFamily& family, std::span<std::byte> packed);

// Conv with one input channel a group and one output channel a group; vectors run over channels.
Refusal depthwise_accepts(const StepContext& context, const Leaf& leaf);
Result<Kernel> depthwise_bind(const StepContext& context, const Leaf& leaf);
size_t depthwise_packed_bytes(const StepContext& context);
void depthwise_pack(const StepContext& context, std::span<std::byte> packed);

}  // namespace tercel::kernels::x86
