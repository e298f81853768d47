#pragma once

#include <algorithm>

#include "kernels/kernel.h"
#include "ops/indexing.h"

// Binders of the indexing operators; indexing.cc lists them.
namespace tercel::kernels {

// Indices come from data, and a running kernel cannot fail: an index outside -extent..extent-1, which ONNX calls an error, is
// taken to be the nearest valid one. extent > 0.
inline int64_t clamped_index(int64_t index, int64_t extent) {
  return std::clamp<int64_t>(index < 0 ? index + extent : index, 0, extent - 1);
}

// Element i of an int32 or int64 index buffer.
inline int64_t index_at(const void* indices, bool wide, int64_t i) {
  return wide ? static_cast<const int64_t*>(indices)[i] : static_cast<const int32_t*>(indices)[i];
}

Result<Kernel> bind_gather(const StepContext& context);

}  // namespace tercel::kernels
