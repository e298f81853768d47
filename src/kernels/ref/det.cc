#include <cmath>
#include <utility>

#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

// By elimination with the largest pivot of each column; destroys the matrix.
double determinant(double* matrix, int64_t n) {
  double result = 1;
  for (int64_t column = 0; column < n; ++column) {
    int64_t pivot = column;
    for (int64_t row = column + 1; row < n; ++row)
      if (std::fabs(matrix[row * n + column]) > std::fabs(matrix[pivot * n + column])) pivot = row;
    if (matrix[pivot * n + column] == 0) return 0;
    if (pivot != column) {
      for (int64_t j = column; j < n; ++j) std::swap(matrix[pivot * n + j], matrix[column * n + j]);
      result = -result;
    }
    result *= matrix[column * n + column];
    for (int64_t row = column + 1; row < n; ++row) {
      const double factor = matrix[row * n + column] / matrix[column * n + column];
      for (int64_t j = column; j < n; ++j) matrix[row * n + j] -= factor * matrix[column * n + j];
    }
  }
  return result;
}

}  // namespace

Result<Kernel> bind_det(const StepContext& c) {
  const int64_t n = c.in(0).shape.size(c.in(0).shape.rank() - 1), matrices = c.out().shape.elements();
  return Kernel(
      [n, matrices, type = c.in(0).dtype](const Buffers& buffers) {
        auto* matrix = reinterpret_cast<double*>(buffers.scratch);
        for (int64_t i = 0; i < matrices; ++i) {
          load_wide(type, buffers.inputs[0], i * n * n, 1, n * n, matrix);
          store_one(type, buffers.outputs[0], i, determinant(matrix, n));
        }
      },
      static_cast<size_t>(n * n) * sizeof(double));
}

}  // namespace tercel::kernels
