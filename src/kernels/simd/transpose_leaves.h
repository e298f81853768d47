#pragma once

#include <cstddef>

#include "platform/isa.h"

namespace tercel::kernels::simd {

// target[c * target_step + r] = source[r * source_step + c] for all r < rows, c < columns; steps count elements.
using TransposeLeaf = void (*)(const void* source, size_t source_step, void* target, size_t target_step, size_t rows,
                               size_t columns);
TransposeLeaf transpose_leaf(size_t element_bytes, const platform::Isa& isa);  // of 1, 2, 4 or 8 bytes

}  // namespace tercel::kernels::simd
