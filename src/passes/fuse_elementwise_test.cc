#include "ops/elementwise_program.h"
#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

const char* const kUnary[] = {"Neg",   "Abs",       "Exp",       "Tanh",        "Sigmoid",   "Erf",      "Relu",
                              "Floor", "Ceil",      "Round",     "Sin",         "Cos",       "Softplus", "Swish",
                              "Gelu",  "HardSwish", "LeakyRelu", "HardSigmoid", "Reciprocal"};

TEST(FuseElementwise, EveryUnaryOperator) {
  for (const char* op : kUnary) {
    SCOPED_TRACE(op);
    Builder b;
    const ValueId x = b.input("x", {b.symbol("n"), 9});
    b.output(b.node("Mul", {b.node(op, {x}), b.scalar(0.75f)}), "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fuse_elementwise), 1);
    EXPECT_EQ(b.model.main().nodes.size(), 1u);
    expect_same(before, b.model, {{"n", 3}});
  }
}

TEST(FuseElementwise, ADagWithSharedValuesAndBroadcastInputs) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("n"), 4, 9}), row = b.input("row", {9}), column = b.input("column", {4, 1});
  const ValueId shifted = b.node("Add", {b.node("Mul", {x, row}), column});
  const ValueId positive = b.node("Sqrt", {b.node("Abs", {shifted})}),
                logarithm = b.node("Log", {b.node("Add", {b.node("Exp", {shifted}), b.scalar(1)})});
  const ValueId most = b.node("Max", {positive, logarithm, b.node("Min", {shifted, b.scalar(1)})});
  b.output(
      b.node("Clip", {b.node("Sub", {b.node("Sum", {most, positive, x}), b.node("Pow", {b.node("Abs", {x}), b.scalar(1.5f)})}),
                      b.scalar(-1), b.scalar(2)}),
      "y");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fuse_elementwise), 1);
  const auto& node = only(b.model, "tercel.FusedElementwise");
  EXPECT_EQ(b.model.main().nodes.size(), 1u) << graph::to_text(b.model);
  EXPECT_EQ(node.inputs.size(), 3u);
  const auto program = ops::elementwise_program_of(node.attributes, 3);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->instructions[0].code, ops::ElementwiseCode::kMultiplyAdd);
  expect_same(before, b.model, {{"n", 2}});
  EXPECT_EQ(apply(b.model, fuse_elementwise), 0);
}

TEST(FuseElementwise, SmallerIntermediatesStayApart) {
  Builder b;
  const ValueId x = b.input("x", {4, 9}), row = b.input("row", {9});
  const ValueId small = b.node("Exp", {b.node("Neg", {row})});  // 9 elements: not to be computed 36 times
  b.output(b.node("Tanh", {b.node("Add", {x, small})}), "y");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fuse_elementwise), 2);
  EXPECT_EQ(count(b.model, "tercel.FusedElementwise"), 2);
  expect_same(before, b.model);
}

TEST(FuseElementwise, OutputsOtherReadersAndOtherTypesStayApart) {
  Builder b;
  const ValueId x = b.input("x", {4, 9}), i = b.input("i", {4, 9}, DType::kInt64);
  const ValueId seen = b.node("Neg", {x});
  b.output(seen, "seen");
  b.output(b.node("Abs", {seen}), "abs");
  const ValueId read = b.node("Exp", {x});
  b.output(b.node("Tanh", {read}), "tanh");
  b.output(b.node("Softmax", {read}), "softmax");
  b.output(b.node("Neg", {b.node("Abs", {i})}), "integers");
  b.output(b.node("Neg", {b.node("Cast", {i}, {{"to", int64_t{1}}})}), "cast");
  EXPECT_EQ(apply(b.model, fuse_elementwise), 0);
}

TEST(FuseElementwise, LimitsOfAProgramHold) {
  Builder b;
  ValueId x = b.input("x", {5});
  for (int i = 0; i < 100; ++i) x = b.node(i % 2 ? "Neg" : "Tanh", {x});
  ValueId sum = b.input("y", {5});
  for (int i = 0; i < 20; ++i) sum = b.node("Sub", {sum, b.input("y" + std::to_string(i), {5})});
  b.output(x, "deep");
  b.output(sum, "wide");
  const Model before = b.model;
  apply(b.model, fuse_elementwise);
  EXPECT_LE(b.model.main().nodes.size(), 8u);
  for (const auto& node : b.model.main().nodes) EXPECT_LE(node.inputs.size(), 8u);
  expect_same(before, b.model);
}

TEST(FuseElementwise, UnknownExtentsFuseWhereTheShapesAreProvablyEqual) {
  Builder b;
  const ValueId x = b.conv(b.input("x", {1, 3, b.symbol("h"), b.symbol("w")}), 3, 4, 3, {{"strides", ints({2, 2})}});
  b.output(b.node("Mul", {b.node("Tanh", {b.node("Add", {x, b.weight({4, 1, 1})})}), x}), "y");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fuse_elementwise), 1);
  EXPECT_EQ(b.model.main().nodes.size(), 2u);
  expect_same(before, b.model, {{"h", 5}, {"w", 6}});
}

TEST(FuseElementwise, ScalarConstantsOfHigherRankKeepTheRank) {
  Builder b;
  const ValueId x = b.input("x", {5});
  b.output(b.node("Mul", {b.node("Add", {x, b.floats({1, 1, 1}, {2})}), b.scalar(3)}), "y");
  const Model before = b.model;
  apply(b.model, fuse_elementwise);
  expect_same(before, b.model);
}

}  // namespace
}  // namespace tercel::passes::testing
