#pragma once

#include <cstddef>

#include "platform/isa.h"

namespace tercel::kernels::simd {

// out[j] = sum over i < length of (a[i] - b[j * length + i])^2 for j < rows: differences first, since the expanded square
// loses every digit where rows are close.
using SquaredDistances = void (*)(const float* a, const float* b, size_t rows, size_t length, float* out);
SquaredDistances squared_distances_leaf(const platform::Isa& isa);

}  // namespace tercel::kernels::simd
