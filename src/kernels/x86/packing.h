#pragma once

#include <cstdint>
#include <span>

#include "kernels/x86/leaf.h"

namespace tercel::kernels::x86 {

// Floats of a K x N matrix in panels of `family`: full panels are family.width() wide, the last as many lanes as it needs.
int64_t packed_floats(const TileFamily& family, int64_t depth, int64_t columns);

// Element (k, n) of the matrix is at weights[k * k_stride + n * n_stride], at any byte alignment. Fills packed_floats().
void pack_panels(const TileFamily& family, const void* weights, int64_t depth, int64_t columns, int64_t k_stride,
                 int64_t n_stride, float* packed);

}  // namespace tercel::kernels::x86
