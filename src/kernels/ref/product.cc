#include "kernels/ref/product.h"

#include "kernels/ref/broadcast.h"
#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/rows.h"
#include "ops/activation.h"

namespace tercel::kernels {

namespace {

Shape batch_of(const Shape& shape) { return Shape(shape.dims().first(static_cast<size_t>(std::max(0, shape.rank() - 2)))); }

// Strides of the last two axes of an operand, swapped when it is transposed; a vector is a row (A) or a column (B).
struct Operand {
  int64_t rows, columns, row_step, column_step;
};
Operand operand_of(const Shape& shape, bool vector_is_row, bool transposed) {
  if (shape.rank() == 1) {
    const int64_t n = shape.size(0);
    return vector_is_row ? Operand{1, n, n, 1} : Operand{n, 1, 1, 1};
  }
  const int64_t rows = shape.size(shape.rank() - 2), columns = shape.size(shape.rank() - 1);
  return transposed ? Operand{columns, rows, 1, columns} : Operand{rows, columns, columns, 1};
}

MatrixProduct product_of(const Operand& a, const Operand& b) {
  return {a.rows, b.columns, a.columns, a.row_step, a.column_step, b.row_step, b.column_step};
}

Kernel matmul_kernel(const StepContext& c, bool a_transposed, bool b_transposed, double alpha) {
  const Shape &a = c.in(0).shape, &b = c.in(1).shape;
  const MatrixProduct product = product_of(operand_of(a, true, a_transposed), operand_of(b, false, b_transposed));
  const Shape batches[] = {batch_of(a), batch_of(b)};
  const BroadcastPlan plan(broadcast(batches[0], batches[1]).value(), batches);  // the shape rule has broadcast them
  return visit_dtype(c.in(0).dtype, [&]<typename T>() {
    return Kernel([product, alpha, plan](const Buffers& buffers) {
      const MatrixProduct& p = product;
      for_row_chunks(*buffers.workers, plan.elements() * p.m, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end;) {  // rows of one matrix at a time
          const int64_t batch = row / p.m, first = row % p.m, last = std::min(p.m, first + end - row);
          const T* x = buffers.in<T>(0) + plan.offset(0, batch) * p.m * p.k;
          const T* y = buffers.in<T>(1) + plan.offset(1, batch) * p.k * p.n;
          multiply_rows(p, x, y, buffers.out<T>() + batch * p.m * p.n, first, last, [&](auto sum, int64_t, int64_t) {
            if constexpr (std::same_as<decltype(sum), double>) return alpha * sum;
            else return sum;
          });
          row += last - first;
        }
      });
    });
  });
}

}  // namespace

Result<Kernel> bind_matmul(const StepContext& c) { return matmul_kernel(c, false, false, 1); }

Result<Kernel> bind_scaled_matmul(const StepContext& c) {
  return matmul_kernel(c, c.attributes.get_int("transA", 0), c.attributes.get_int("transB", 0),
                       c.attributes.get_float("alpha", 1));
}

Result<Kernel> bind_gemm(const StepContext& c) {
  const MatrixProduct product = product_of(operand_of(c.in(0).shape, true, c.attributes.get_int("transA", 0)),
                                           operand_of(c.in(1).shape, false, c.attributes.get_int("transB", 0)));
  const double alpha = c.attributes.get_float("alpha", 1), beta = c.attributes.get_float("beta", 1);
  int64_t row_step = 0, column_step = 0;  // of C, 0 where it repeats
  if (c.has(2)) {
    const Shape& bias = c.in(2).shape;
    const int rank = bias.rank();
    if (rank >= 1 && bias.size(rank - 1) != 1) column_step = 1;
    if (rank == 2 && bias.size(0) != 1) row_step = bias.size(1);
  }
  return visit_dtype(c.in(0).dtype, [&]<typename T>() {
    return Kernel([=, has_bias = c.has(2)](const Buffers& buffers) {
      const T* bias = has_bias ? buffers.in<T>(2) : nullptr;
      for_row_chunks(*buffers.workers, product.m, [&](int64_t begin, int64_t end) {
        multiply_rows(
            product, buffers.in<T>(0), buffers.in<T>(1), buffers.out<T>(), begin, end, [&](auto sum, int64_t i, int64_t j) {
              using W = decltype(sum);
              if constexpr (!std::same_as<W, double>)
                if (alpha == 1 && beta == 1)
                  return static_cast<W>(static_cast<uint64_t>(sum) +
                                        (bias ? static_cast<uint64_t>(convert<W>(bias[i * row_step + j * column_step])) : 0));
              const double scaled = alpha * static_cast<double>(sum);
              return convert<W>(bias ? scaled + beta * convert<double>(bias[i * row_step + j * column_step]) : scaled);
            });
      });
    });
  });
}

Result<Kernel> bind_dense(const StepContext& c) {
  const bool transposed = c.attributes.get_int("transB", 0) != 0;
  const Operand weight = operand_of(c.in(1).shape, false, transposed);
  const int64_t rows = c.in(0).shape.elements(0, c.in(0).shape.rank() - 1);
  const MatrixProduct product = product_of({rows, weight.rows, weight.rows, 1}, weight);
  const ops::Activation activation = TRY(ops::activation_of(c.attributes));
  return visit_dtype(c.in(0).dtype, [&]<typename T>() {
    return Kernel([=, has_bias = c.has(2), has_residual = c.has(3)](const Buffers& buffers) {
      const T* bias = has_bias ? buffers.in<T>(2) : nullptr;
      const T* residual = has_residual ? buffers.in<T>(3) : nullptr;
      for_row_chunks(*buffers.workers, product.m, [&](int64_t begin, int64_t end) {
        multiply_rows(product, buffers.in<T>(0), buffers.in<T>(1), buffers.out<T>(), begin, end,
                      [&](auto sum, int64_t i, int64_t j) {
                        auto value = static_cast<double>(sum);
                        if (bias) value += convert<double>(bias[j]);
                        if (residual) value += convert<double>(residual[i * product.n + j]);
                        return ops::apply(activation, value);
                      });
      });
    });
  });
}

}  // namespace tercel::kernels
