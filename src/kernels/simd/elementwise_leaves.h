#pragma once

#include <cstddef>

#include "ops/elementwise_program.h"
#include "platform/isa.h"

namespace tercel::kernels::simd {

// out[i] = f(a[i], b[i], c[i]) for n floats. Operands that are scalars (see find_leaf) are read at index 0 only; unused ones
// may be null. `out` may be any of the operands exactly, never overlap them otherwise.
using ElementLeaf = void (*)(const float* a, const float* b, const float* c, float* out, size_t n);

// The loop of one instruction. Bit k of `scalars` says that operand k is one number for all elements; not all operands may be.
// elementwise_leaves.cc has arithmetic, elementwise_math.cc the transcendental functions: each answers null for the other's.
ElementLeaf arithmetic_leaf(ops::ElementwiseCode code, unsigned scalars, const platform::Isa& isa);
ElementLeaf math_leaf(ops::ElementwiseCode code, unsigned scalars, const platform::Isa& isa);

inline ElementLeaf find_leaf(ops::ElementwiseCode code, unsigned scalars, const platform::Isa& isa) {
  if (ElementLeaf leaf = arithmetic_leaf(code, scalars, isa)) return leaf;
  return math_leaf(code, scalars, isa);
}

}  // namespace tercel::kernels::simd
