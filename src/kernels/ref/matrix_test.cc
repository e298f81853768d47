#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

Tensor transposed(const Tensor& x) {
  const int64_t rows = x.shape().size(0), columns = x.shape().size(1);
  Tensor y = Tensor::zeros(x.dtype(), {Dim(columns), Dim(rows)}).value();
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) y.mutable_as<float>()[j * rows + i] = at(x, i * columns + j);
  return y;
}

TEST(Matrix, Products) {
  const Tensor a = f32({2, 3}, {1, 2, 3, 4, 5, 6}), b = f32({3, 2}, {1, 0, 0, 1, 1, 1}), ab = f32({2, 2}, {4, 5, 10, 11});
  const auto both = attributes({{"transA", int64_t{1}}, {"transB", int64_t{1}}});
  const auto scaled = attributes({{"alpha", 2.0f}, {"beta", 0.5f}});
  check_values({
      {"matrices", "MatMul", {}, {a, b}, ab},
      {"row", "MatMul", {}, {f32({3}, {1, 2, 3}), b}, f32({2}, {4, 5})},
      {"column", "MatMul", {}, {a, f32({3}, {1, 1, 1})}, f32({2}, {6, 15})},
      {"dot", "MatMul", {}, {f32({2}, {1, 2}), f32({2}, {3, 4})}, f32({}, {11})},
      {"batches repeat",
       "MatMul",
       {},
       {f32({2, 1, 1, 2}, {1, 2, 3, 4}), f32({2, 2, 1}, {1, 1, 10, 10})},
       f32({2, 2, 1, 1}, {3, 30, 7, 70})},
      {"nothing to add", "MatMul", {}, {f32({2, 0}, {}), f32({0, 2}, {})}, f32({2, 2}, {0, 0, 0, 0})},
      {"no rows", "MatMul", {}, {f32({0, 2}, {}), f32({2, 3}, {0, 0, 0, 0, 0, 0})}, f32({0, 3}, {})},
      {"integers", "MatMul", {}, {i32({1, 2}, {2147483647, 1}), i32({2, 1}, {1, 1})}, i32({1, 1}, {-2147483648.0})},
      {"half floats", "MatMul", {}, {f16({1, 2}, {2048, 1}), f16({2, 1}, {1, 1})}, f16({1, 1}, {2048})},
      {"plain", "Gemm", {}, {a, b}, ab},
      {"transposed", "Gemm", both, {transposed(a), transposed(b)}, ab},
      {"bias by column", "Gemm", scaled, {a, b, f32({2}, {2, 4})}, f32({2, 2}, {9, 12, 21, 24})},
      {"bias by row", "Gemm", {}, {a, b, f32({2, 1}, {1, 2})}, f32({2, 2}, {5, 6, 12, 13})},
      {"one bias", "Gemm", {}, {a, b, f32({}, {1})}, f32({2, 2}, {5, 6, 11, 12})},
      {"bias, residual, activation",
       "tercel.Dense",
       attributes({{"activation", text("Relu")}}),
       {a, b, f32({2}, {-4, 0}), f32({2, 2}, {-1, 1, 0, 0})},
       f32({2, 2}, {0, 6, 6, 11})},
      {"transposed weight",
       "tercel.Dense",
       attributes({{"transB", int64_t{1}}}),
       {f32({1, 2, 3}, {1, 2, 3, 4, 5, 6}), transposed(b)},
       f32({1, 2, 2}, {4, 5, 10, 11})},
      {"transposed and scaled",
       "tercel.MatMul",
       attributes({{"transA", int64_t{1}}, {"transB", int64_t{1}}, {"alpha", 0.5f}}),
       {transposed(a), transposed(b)},
       f32({2, 2}, {2, 2.5, 5, 5.5})},
      {"determinant", "Det", {}, {f32({2, 2, 2}, {0, 1, 2, 3, 1, 2, 2, 4})}, f32({2}, {-2, 0})},
      {"squared distances", "CDist", {}, {f32({1, 2}, {1, 2}), f32({3, 2}, {1, 2, 4, 6, 1, 1})}, f32({1, 3}, {0, 25, 1})},
      {"distances",
       "CDist",
       attributes({{"metric", text("euclidean")}}),
       {f32({2, 1}, {3, 0}), f32({1, 1}, {1})},
       f32({2, 1}, {2, 1})},
  });
}

TEST(Matrix, Einsum) {
  const auto equation = [](std::string_view e) { return attributes({{"equation", text(e)}}); };
  const Tensor a = f32({2, 2}, {1, 2, 3, 4}), v = f32({2}, {10, 1});
  check_values({
      {"product", "Einsum", equation("ij,jk->ik"), {a, a}, f32({2, 2}, {7, 10, 15, 22})},
      {"implied output", "Einsum", equation("ij, jk"), {a, a}, f32({2, 2}, {7, 10, 15, 22})},
      {"implied order", "Einsum", equation("ba"), {f32({1, 2}, {1, 2})}, f32({2, 1}, {1, 2})},
      {"trace", "Einsum", equation("ii"), {a}, f32({}, {5})},
      {"diagonal", "Einsum", equation("ii->i"), {a}, f32({2}, {1, 4})},
      {"sum", "Einsum", equation("ij->j"), {a}, f32({2}, {4, 6})},
      {"outer", "Einsum", equation("i,j->ij"), {v, v}, f32({2, 2}, {100, 10, 10, 1})},
      {"batches of an ellipsis", "Einsum", equation("...ij,j->...i"), {f32({1, 2, 2}, {1, 2, 3, 4}), v}, f32({1, 2}, {12, 34})},
      {"ellipses of two lengths", "Einsum", equation("...i,...i->..."), {a, v}, f32({2}, {12, 34})},
      {"three inputs", "Einsum", equation("i,ij,j->"), {v, a, v}, f32({}, {154})},
  });
  check_refusals({
      {"Einsum", equation("ij,jk->ik"), {a}, "terms"},
      {"Einsum", equation("ijk->i"), {a}, "rank"},
      {"Einsum", equation("ij->k"), {a}, "no input"},
      {"Einsum", equation("ij->ii"), {a}, "twice"},
      {"Einsum", equation("i?->i"), {a}, "letters"},
      {"Einsum", equation("ij,jk->ik"), {a, f32({3, 1}, {0, 0, 0})}, "differ"},
  });
}

TEST(Matrix, Pooling) {
  const Tensor x = f32({1, 1, 5}, {1, 5, 2, 4, 3});
  const auto pool = [](std::initializer_list<ops::Attributes::Entry> more) {
    ops::Attributes a = attributes(more);
    a.set("kernel_shape", std::vector<int64_t>{2});
    a.set("strides", std::vector<int64_t>{2});
    return a;
  };
  const auto pads = [&](int64_t count) { return pool({{"pads", ints({1, 0})}, {"count_include_pad", count}}); };
  check_values({
      {"floor", "MaxPool", pool({}), {x}, f32({1, 1, 2}, {5, 4})},
      {"ceil", "MaxPool", pool({{"ceil_mode", int64_t{1}}}), {x}, f32({1, 1, 3}, {5, 4, 3})},
      {"a window in the padding behind is none",
       "MaxPool",
       pool({{"ceil_mode", int64_t{1}}, {"pads", ints({0, 1})}}),
       {f32({1, 1, 4}, {1, 2, 3, 4})},
       f32({1, 1, 2}, {2, 4})},
      {"padding never wins", "MaxPool", pool({{"pads", ints({1, 1})}}), {f32({1, 1, 2}, {-1, -2})}, f32({1, 1, 2}, {-1, -2})},
      {"dilated", "MaxPool", pool({{"dilations", ints({3})}}), {x}, f32({1, 1, 1}, {4})},
      {"bytes", "MaxPool", pool({}), {i8({1, 1, 2}, {-128, -5})}, i8({1, 1, 1}, {-5})},
      {"NaN", "MaxPool", pool({}), {f32({1, 1, 2}, {std::nan(""), 1})}, f32({1, 1, 1}, {std::nan("")})},
      {"without padding", "AveragePool", pads(0), {x}, f32({1, 1, 3}, {1, 3.5, 3.5})},
      {"with padding", "AveragePool", pads(1), {x}, f32({1, 1, 3}, {0.5, 3.5, 3.5})},
      {"ceil counts what is there",
       "AveragePool",
       pool({{"ceil_mode", int64_t{1}}, {"count_include_pad", int64_t{1}}}),
       {x},
       f32({1, 1, 3}, {3, 3, 3})},
      {"euclidean", "LpPool", pool({}), {f32({1, 1, 2}, {3, -4})}, f32({1, 1, 1}, {5})},
      {"absolute", "LpPool", pool({{"p", int64_t{1}}}), {f32({1, 1, 2}, {3, -4})}, f32({1, 1, 1}, {7})},
      {"mean", "GlobalAveragePool", {}, {f32({1, 2, 2}, {1, 3, 5, 7})}, f32({1, 2, 1}, {2, 6})},
      {"channels last",
       "GlobalAveragePool",
       attributes({{"channels_last", int64_t{1}}}),
       {f32({1, 2, 2}, {1, 3, 5, 7})},
       f32({1, 1, 2}, {3, 5})},
      {"largest", "GlobalMaxPool", {}, {f32({1, 2, 1, 2}, {1, 3, 7, 5})}, f32({1, 2, 1, 1}, {3, 7})},
      {"norm", "GlobalLpPool", {}, {f32({1, 1, 2}, {3, 4})}, f32({1, 1, 1}, {5})},
      {"channels last", "MaxPool", pool({{"channels_last", int64_t{1}}}), {f32({1, 2, 2}, {1, 8, 5, 2})}, f32({1, 1, 2}, {5, 8})},
      {"inverse", "MaxUnpool", pool({}), {f32({1, 1, 2}, {5, 4}), i64({1, 1, 2}, {1, 3})}, f32({1, 1, 4}, {0, 5, 0, 4})},
      {"larger",
       "MaxUnpool",
       pool({}),
       {f32({1, 1, 2}, {5, 4}), i64({1, 1, 2}, {1, 3}), i64({3}, {1, 1, 5})},
       f32({1, 1, 5}, {0, 5, 0, 4, 0})},
      {"points nowhere", "MaxUnpool", pool({}), {f32({1, 1, 2}, {5, 4}), i64({1, 1, 2}, {-1, 99})}, f32({1, 1, 4}, {0, 0, 0, 0})},
  });
}

TEST(Matrix, MaxPoolIndices) {
  const auto indices = [](ops::Attributes a) {
    a.set("kernel_shape", std::vector<int64_t>{2, 2});
    const auto outputs = run_op({"MaxPool", a, {f32({1, 2, 2, 2}, {1, 9, 2, 3, 1, 2, 9, 3})}, {true, true}});
    return outputs.ok() ? outputs.value()[1] : i64({}, {-1});
  };
  expect_near(indices({}), i64({1, 2, 1, 1}, {1, 6}));
  expect_near(indices(attributes({{"storage_order", int64_t{1}}})), i64({1, 2, 1, 1}, {2, 5}));
}

}  // namespace
}  // namespace tercel::kernels
