// lower-dense and lower-matmul.
#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

TEST(LowerDense, MatMulOfAConstantMatrix) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("batch"), 5, 6});
  b.output(b.node("MatMul", {x, b.weight({6, 3})}), "y");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, lower_dense), 1);
  EXPECT_EQ(only(b.model, "tercel.Dense").inputs.size(), 2u);
  expect_same(before, b.model, {{"batch", 2}});
}

TEST(LowerDense, MatMulOthersStay) {
  Builder b;
  const ValueId x = b.input("x", {5, 6}), row = b.input("row", {6}), d = b.input("d", {5, 6}, DType::kFloat64);
  const ValueId doubles = b.model.main().add_constant("doubles", Tensor::zeros(DType::kFloat64, {6, 2}).value());
  b.output(b.node("MatMul", {x, b.input("w", {6, 3})}), "variable");
  b.output(b.node("MatMul", {row, b.weight({6, 3})}), "vector");
  b.output(b.node("MatMul", {x, b.weight({2, 6, 3})}), "batched");
  b.output(b.node("MatMul", {d, doubles}), "float64");
  EXPECT_EQ(apply(b.model, lower_dense), 0);
}

struct GemmCase {
  const char* name;
  Shape bias;  // rank 0 with absent = true: none
  bool absent, variable, trans_b, trans_a;
  float alpha, beta;
  bool lowers, add_left;
};
const GemmCase kGemms[] = {
    {"plain", {3}, false, false, false, false, 1, 1, true, false},
    {"no bias", {}, true, false, true, false, 1, 1, true, false},
    {"row", {1, 3}, false, false, true, false, 1, 1, true, false},
    {"one number", {1}, false, false, false, false, 1, 1, true, false},
    {"scaled", {3}, false, false, true, false, 0.5f, 2, true, false},
    {"beta of zero", {3}, false, false, true, false, 1, 0, true, false},
    {"matrix", {4, 3}, false, false, true, false, 1, 1, true, true},
    {"column", {4, 1}, false, false, true, false, 2, 1, true, true},
    {"scaled matrix", {4, 3}, false, false, true, false, 1, 3, false, false},
    {"variable", {4, 3}, false, true, true, false, 1, 1, true, true},
    {"transposed input", {3}, false, false, false, true, 1, 1, false, false},
};

TEST(LowerDense, Gemm) {
  for (const GemmCase& c : kGemms) {
    SCOPED_TRACE(c.name);
    Builder b;
    const ValueId x = b.input("x", c.trans_a ? Shape{6, 4} : Shape{4, 6});
    std::vector<ValueId> inputs = {x, b.weight(c.trans_b ? Shape{3, 6} : Shape{6, 3})};
    if (!c.absent) inputs.push_back(c.variable ? b.input("c", c.bias) : b.weight(c.bias));
    b.output(b.node("Gemm", inputs,
                    {{"alpha", c.alpha}, {"beta", c.beta}, {"transA", int64_t{c.trans_a}}, {"transB", int64_t{c.trans_b}}}),
             "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, lower_dense), c.lowers ? 1 : 0);
    EXPECT_EQ(count(b.model, "tercel.Dense"), c.lowers ? 1 : 0);
    EXPECT_EQ(count(b.model, "Add"), c.add_left ? 1 : 0);
    expect_same(before, b.model);
  }
}

TEST(LowerDense, SharedWeightsStayForOtherReaders) {
  Builder b;
  const ValueId x = b.input("x", {4, 6}), w = b.weight({6, 3});
  b.output(b.node("Gemm", {x, w}, {{"alpha", 2.0f}}), "scaled");
  b.output(b.node("MatMul", {x, w}), "plain");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, lower_dense), 2);
  expect_same(before, b.model);
}

TEST(LowerMatMul, AbsorbsTransposesAndScales) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("batch"), 5, 6}), y = b.input("y", {b.symbol("batch"), 7, 6});
  const ValueId scaled = b.node("Div", {x, b.scalar(4)});
  const ValueId turned = b.node("Transpose", {y}, {{"perm", ints({0, 2, 1})}});
  b.output(b.node("Mul", {b.node("MatMul", {scaled, turned}), b.scalar(3)}), "z");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, lower_matmul), 2);
  const graph::Node& node = only(b.model, "tercel.MatMul");
  EXPECT_EQ(b.model.main().nodes.size(), 1u);
  EXPECT_EQ(node.attributes.get_int("transB", 0), 1);
  EXPECT_EQ(node.attributes.get_int("transA", 0), 0);
  EXPECT_FLOAT_EQ(node.attributes.get_float("alpha", 1), 0.75f);
  expect_same(before, b.model, {{"batch", 2}});
}

TEST(LowerMatMul, WhatOthersReadOrMovesOtherAxesStays) {
  Builder b;
  const ValueId x = b.input("x", {2, 5, 6}), y = b.input("y", {2, 7, 6}), z = b.input("z", {6, 2, 7});
  const ValueId turned = b.node("Transpose", {y}, {{"perm", ints({0, 2, 1})}});
  const ValueId moved = b.node("Transpose", {z}, {{"perm", ints({1, 0, 2})}});
  const ValueId product = b.node("MatMul", {x, turned});
  b.output(turned, "turned");
  b.output(product, "product");
  b.output(b.node("Mul", {product, b.scalar(2)}), "doubled");
  b.output(b.node("MatMul", {x, moved}), "moved");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, lower_matmul), 2);
  EXPECT_EQ(count(b.model, "Transpose"), 2);
  EXPECT_EQ(count(b.model, "Mul"), 1);
  expect_same(before, b.model);
}

}  // namespace
}  // namespace tercel::passes::testing
