#pragma once

#include <algorithm>

#include "kernels/x86/product.h"

namespace tercel::kernels::x86 {

// The right operand of a product where it is data: a matrix [K, N], or [N, K] when transposed, whose panels are packed (and
// scaled) into a worker's scratch when a block of them is about to be used.
struct PackingWeights {
  const Product& product;
  const float* data;
  int64_t row_stride;
  bool transposed;
  float scale;
  float* packed;                        // packed_bytes() of it
  int64_t first_panel = 0, length = 0;  // of the block that is packed

  static size_t packed_bytes(const Product& p) {
    return align_up(static_cast<size_t>(p.block_panels * p.length_max() * p.family->width()) * sizeof(float), kTensorAlignment);
  }

  void prepare(int64_t panel0, int64_t panel1, const DepthBlock& block) {
    first_panel = panel0;
    length = block.length;
    for (int64_t p = panel0; p < panel1; ++p) pack(p, block);
  }
  const float* panel(int64_t panel, const DepthBlock&) const {
    return packed + (panel - first_panel) * length * product.family->width();
  }
  int64_t stride(int64_t panel) const { return product.panel_width(panel); }

 private:
  void pack(int64_t p, const DepthBlock& block) {
    const int64_t width = product.family->width(), panel_width = product.panel_width(p);
    const int64_t columns = std::min(product.columns - p * width, panel_width);
    float* to = packed + (p - first_panel) * length * width;
    if (transposed) {
      product.family->leaf->transpose(data + p * width * row_stride + block.offset, row_stride, to, panel_width, columns, length,
                                      scale);
    } else {
      const float* from = data + block.offset * row_stride + p * width;
      for (int64_t k = 0; k < length; ++k)
        for (int64_t n = 0; n < columns; ++n) to[k * panel_width + n] = scale * from[k * row_stride + n];
    }
    if (columns == panel_width) return;
    for (int64_t k = 0; k < length; ++k) std::fill(to + k * panel_width + columns, to + (k + 1) * panel_width, 0.0f);
  }
};

// The same where it is not worth packing, for a few rows only: read where it lies, but for the ragged last panel.
// Wants product.rows <= kStridedRows, no transposition and no scale.
struct StridedWeights {
  PackingWeights ragged;

  void prepare(int64_t, int64_t panel1, const DepthBlock& block) {
    if (is_ragged(panel1 - 1)) ragged.prepare(panel1 - 1, panel1, block);
  }
  const float* panel(int64_t panel, const DepthBlock& block) const {
    if (is_ragged(panel)) return ragged.panel(panel, block);
    return ragged.data + block.offset * ragged.row_stride + panel * ragged.product.family->width();
  }
  int64_t stride(int64_t panel) const { return is_ragged(panel) ? ragged.stride(panel) : ragged.row_stride; }

 private:
  bool is_ragged(int64_t panel) const {
    const Product& p = ragged.product;
    return p.columns - panel * p.family->width() < p.panel_width(panel);
  }
};

}  // namespace tercel::kernels::x86
