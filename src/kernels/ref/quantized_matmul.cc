// MatMulInteger and QLinearMatMul: [..., M, K] times [..., K, N] of 8-bit integers.
#include <algorithm>
#include <array>

#include "kernels/ref/quantized.h"
#include "kernels/ref/rows.h"

namespace tercel::kernels {

namespace {

// A scale or zero point of one of the matrices: element (matrix, line).
struct LineParameter {
  ops::LineGrain grain = ops::LineGrain::kTensor;
  int64_t lines = 1;
  int64_t index(int64_t matrix, int64_t line) const {
    switch (grain) {
      case ops::LineGrain::kTensor: return 0;
      case ops::LineGrain::kVector: return line;
      case ops::LineGrain::kMatrices: return matrix * lines + line;
    }
    return 0;
  }
};

// One operand: its matrices broadcast over the batch axes of the output.
struct Operand {
  bool is_signed = false, has_zero = false;
  std::array<int64_t, kRankMax> batch_strides{};  // in matrices, 0 where it broadcasts
  LineParameter zero;
};

struct Product {
  Shape batch;
  int64_t m = 1, n = 1, k = 1;
  Operand a, b;
};

// The matrices of an operand as [batch..., rows, columns]: vectors are one row, or one column.
Shape as_matrices(const Shape& shape, bool rows) {
  if (shape.rank() > 1) return shape;
  return rows ? Shape{Dim(1), shape[0]} : Shape{shape[0], Dim(1)};
}

Result<Operand> operand_of(const StepContext& c, size_t data, size_t zero, bool rows, const Shape& batch) {
  const Shape matrices = as_matrices(c.in(data).shape, rows);
  Operand operand{c.in(data).dtype == DType::kInt8, c.has(zero)};
  int64_t stride = 1;
  for (int i = matrices.rank() - 3, o = batch.rank() - 1; i >= 0; --i, --o) {
    operand.batch_strides[o] = matrices.size(i) == 1 ? 0 : stride;
    stride *= matrices.size(i);
  }
  operand.zero.lines = matrices.size(matrices.rank() - (rows ? 2 : 1));
  if (operand.has_zero) operand.zero.grain = TRY(ops::line_grain(c.in(data).shape, c.in(zero).shape, rows));
  return operand;
}

Result<Product> product_of(const StepContext& c, size_t a, size_t b, size_t a_zero, size_t b_zero) {
  const Shape left = as_matrices(c.in(a).shape, true), right = as_matrices(c.in(b).shape, false);
  const auto batch_of = [](const Shape& s) { return Shape(s.dims().first(static_cast<size_t>(s.rank() - 2))); };
  Product p{TRY(broadcast(batch_of(left), batch_of(right))), left.size(left.rank() - 2), right.size(right.rank() - 1),
            left.size(left.rank() - 1)};
  p.a = TRY(operand_of(c, a, a_zero, true, p.batch));
  p.b = TRY(operand_of(c, b, b_zero, false, p.batch));
  return p;
}

int64_t matrix_index(const Shape& batch, const Operand& operand, int64_t matrix) {
  int64_t index = 0;
  for (int i = batch.rank() - 1; i >= 0; matrix /= batch.size(i), --i) index += matrix % batch.size(i) * operand.batch_strides[i];
  return index;
}

// Calls finish(a matrix, b matrix, row, column, flat output index, sum) for each element of the output.
template <typename F>
void multiply(const Product& p, const void* a, const void* a_zero, const void* b, const void* b_zero, Workers& workers,
              F&& finish) {
  for_row_chunks(workers, p.batch.elements() * p.m, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t i = row % p.m, am = matrix_index(p.batch, p.a, row / p.m), bm = matrix_index(p.batch, p.b, row / p.m);
      const int32_t za = a_zero ? byte_at(a_zero, p.a.is_signed, p.a.zero.index(am, i)) : 0;
      for (int64_t j = 0; j < p.n; ++j) {
        const int32_t zb = b_zero ? byte_at(b_zero, p.b.is_signed, p.b.zero.index(bm, j)) : 0;
        int64_t sum = 0;
        for (int64_t k = 0; k < p.k; ++k)
          sum += (byte_at(a, p.a.is_signed, (am * p.m + i) * p.k + k) - za) *
                 (byte_at(b, p.b.is_signed, (bm * p.k + k) * p.n + j) - zb);
        finish(am, bm, i, j, row * p.n + j, wrapped(sum));
      }
    }
  });
}

}  // namespace

Result<Kernel> bind_matmul_integer(const StepContext& c) {
  const Product p = TRY(product_of(c, 0, 1, 2, 3));
  return Kernel([p](const Buffers& b) {
    multiply(p, b.in<void>(0), p.a.has_zero ? b.in<void>(2) : nullptr, b.in<void>(1), p.b.has_zero ? b.in<void>(3) : nullptr,
             *b.workers, [&](int64_t, int64_t, int64_t, int64_t, int64_t at, int32_t sum) { b.out<int32_t>()[at] = sum; });
  });
}

Result<Kernel> bind_qlinear_matmul(const StepContext& c) {
  const Product p = TRY(product_of(c, 0, 3, 2, 5));
  const LineParameter a_scale{TRY(ops::line_grain(c.in(0).shape, c.in(1).shape, true)), p.a.zero.lines};
  const LineParameter b_scale{TRY(ops::line_grain(c.in(3).shape, c.in(4).shape, false)), p.b.zero.lines};
  return Kernel([=, types = std::array{c.in(1).dtype, c.in(4).dtype, c.in(6).dtype},
                 is_signed = c.out().dtype == DType::kInt8](const Buffers& b) {
    const double y_scale = element_as_double(types[2], b.in<void>(6), 0);
    const int32_t y_zero = byte_at(b.in<void>(7), is_signed, 0);
    multiply(p, b.in<void>(0), b.in<void>(2), b.in<void>(3), b.in<void>(5), *b.workers,
             [&](int64_t am, int64_t bm, int64_t i, int64_t j, int64_t at, int32_t sum) {
               const double scale = element_as_double(types[0], b.in<void>(1), a_scale.index(am, i)) *
                                    element_as_double(types[1], b.in<void>(4), b_scale.index(bm, j)) / y_scale;
               store_byte(b.out<void>(), is_signed, at, sum * scale, y_zero);
             });
  });
}

}  // namespace tercel::kernels
