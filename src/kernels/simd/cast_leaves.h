#pragma once

#include <cstddef>

#include "platform/isa.h"
#include "tensor/dtype.h"

namespace tercel::kernels::simd {

// n elements of one type as another: floats round to nearest even; a float out of an integer's range saturates and NaN
// gives 0; integers wrap; anything but zero is true. Null for pairs without a fast loop.
using CastLeaf = void (*)(const void* from, void* to, size_t n);
CastLeaf cast_leaf(DType from, DType to, const platform::Isa& isa);

// out[i] = condition[i] ? x[i] : y[i], of elements of 4 or 8 bytes (null for others). Bits 0..2 of `scalars` say that the
// condition, x, y are one element for all.
using SelectLeaf = void (*)(const bool* condition, const void* x, const void* y, void* out, size_t n);
SelectLeaf select_leaf(size_t element_bytes, unsigned scalars, const platform::Isa& isa);

}  // namespace tercel::kernels::simd
