#pragma once

#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

// Rows of a row-major matrix, read in place. (Copying a tile's rows side by side when they lie a multiple of 2 KiB apart, to
// spare the sets of the first-level cache, was measured to cost 15 %: a tile has no more rows than that cache has ways.)
struct MatrixRows {
  const float* data;
  int64_t stride;

  RunRange fill(int64_t row, int count, const DepthBlock& block, const float** starts) const {
    const float* source = data + row * stride + block.offset;
    for (int i = 0; i < count; ++i) starts[i] = source + i * stride;
    return {0, 1};
  }
};

// Rows of a matrix that lies transposed, gathered into `copy` (gather_bytes of it) tile by tile.
struct TransposedRows {
  const float* data;
  int64_t stride;
  float* copy;

  static size_t gather_bytes(const Product& p) {
    return align_up(static_cast<size_t>(p.family->rows * p.length_max()) * sizeof(float), kTensorAlignment);
  }
  RunRange fill(int64_t row, int count, const DepthBlock& block, const float** starts) const {
    for (int i = 0; i < count; ++i) starts[i] = copy + i * block.length;
    const float* source = data + block.offset * stride + row;
    for (int64_t k = 0; k < block.length; ++k, source += stride)
      for (int i = 0; i < count; ++i) copy[i * block.length + k] = source[i];
    return {0, 1};
  }
};

}  // namespace tercel::kernels::x86
