#pragma once

#include "kernels/kernel.h"
#include "kernels/x86/leaf.h"

namespace tercel::kernels::x86 {

// tercel.Dense as a packed product on one family of tiles; one row of dense_rows.cc each.
Refusal dense_accepts(const StepContext& context);
Result<Kernel> dense_bind(const StepContext& context, const TileFamily& family);
size_t dense_packed_bytes(const StepContext& context, const TileFamily& family);
void dense_pack(const StepContext& context, const TileFamily& family, std::span<std::byte> packed);

}  // namespace tercel::kernels::x86
