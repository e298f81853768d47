#pragma once

#include <cstring>

#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

// Rows of a row-major matrix, as run_product wants them.
//
// Rows a multiple of 2 KiB apart share a few sets of the first-level cache, and a tile of them evicts itself: such tiles are
// copied side by side first (`copy`, copy_floats() of them; null: used in place). Pays where several panels follow.
struct MatrixRows {
  const float* data;
  int64_t stride;
  float* copy = nullptr;

  static bool wants_copy(const Product& p, int64_t stride) {
    return stride > 0 && stride * static_cast<int64_t>(sizeof(float)) % 2048 == 0 && p.rows >= p.family->rows && p.block_panels >= 2;
  }
  static int64_t copy_stride(int64_t length) { return static_cast<int64_t>(align_up(static_cast<size_t>(length), 16)) + 16; }
  static size_t copy_bytes(const Product& p) {
    int64_t length = 0;
    for (const DepthBlock& block : p.blocks) length = std::max(length, block.length);
    return align_up(static_cast<size_t>(p.family->rows * copy_stride(length)) * sizeof(float), kTensorAlignment);
  }

  void fill(int64_t row, int count, const DepthBlock& block, const float** starts) const {
    const float* source = data + row * stride + block.offset;
    if (!copy) {
      for (int i = 0; i < count; ++i) starts[i] = source + i * stride;
      return;
    }
    for (int i = 0; i < count; ++i) {
      float* to = copy + i * copy_stride(block.length);
      std::memcpy(to, source + i * stride, static_cast<size_t>(block.length) * sizeof(float));
      starts[i] = to;
    }
  }
};

}  // namespace tercel::kernels::x86
