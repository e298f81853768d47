#pragma once

#include <algorithm>

#include "kernels/ref/wide.h"

namespace tercel::kernels {

// One matrix product, by extents and element strides: C [m, n] = A [m, k] B [k, n], C dense.
struct MatrixProduct {
  int64_t m = 0, n = 0, k = 0;
  int64_t a_row = 0, a_column = 0, b_row = 0, b_column = 0;
};

// Computes rows begin..end-1 with sums in the wide type; `finish(sum, row, column)` makes the element to store.
template <typename T, typename F>
void multiply_rows(const MatrixProduct& p, const T* a, const T* b, T* c, int64_t begin, int64_t end, F&& finish) {
  using W = Wide<T>;
  using Sum = Wrapping<W>;
  Sum sums[kWideBlock];
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t j0 = 0; j0 < p.n; j0 += kWideBlock) {
      const int64_t n = std::min(kWideBlock, p.n - j0);
      std::fill_n(sums, n, Sum{0});
      for (int64_t k = 0; k < p.k; ++k) {
        const auto factor = static_cast<Sum>(convert<W>(a[i * p.a_row + k * p.a_column]));
        const T* row = b + k * p.b_row + j0 * p.b_column;
        if (p.b_column == 1) {
          for (int64_t j = 0; j < n; ++j) sums[j] += factor * static_cast<Sum>(convert<W>(row[j]));
        } else {
          for (int64_t j = 0; j < n; ++j) sums[j] += factor * static_cast<Sum>(convert<W>(row[j * p.b_column]));
        }
      }
      for (int64_t j = 0; j < n; ++j) c[i * p.n + j0 + j] = convert<T>(finish(static_cast<W>(sums[j]), i, j0 + j));
    }
  }
}

}  // namespace tercel::kernels
