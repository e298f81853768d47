#include <cmath>

#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/wide.h"

namespace tercel::kernels {

namespace {

// Differences first: the expanded |a|^2 - 2ab + |b|^2 loses every digit where the rows are close, which is where it matters.
double squared_distance(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

}  // namespace

Result<Kernel> bind_cdist(const StepContext& c) {
  const int64_t m = c.out().shape.size(0), n = c.out().shape.size(1), length = c.in(0).shape.size(1);
  const bool root = c.attributes.get_string("metric", "sqeuclidean") == "euclidean";
  return Kernel(
      [=, type = c.in(0).dtype](const Buffers& buffers) {
        auto* const a = reinterpret_cast<double*>(buffers.scratch);
        double* const b = a + length;
        for (int64_t i = 0; i < m; ++i) {
          load_wide(type, buffers.inputs[0], i * length, 1, length, a);
          for (int64_t j = 0; j < n; ++j) {
            load_wide(type, buffers.inputs[1], j * length, 1, length, b);
            const double square = squared_distance(a, b, length);
            store_one(type, buffers.outputs[0], i * n + j, root ? std::sqrt(square) : square);
          }
        }
      },
      2 * static_cast<size_t>(length) * sizeof(double));
}

}  // namespace tercel::kernels
