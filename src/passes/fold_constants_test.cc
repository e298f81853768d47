#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

TEST(FoldConstants, ComputesWhatDependsOnConstantsOnly) {
  Builder b;
  const ValueId x = b.input("x", {2, 3});
  const ValueId w = b.node("Transpose", {b.weight({3, 3})});
  b.output(b.node("Add", {b.node("MatMul", {x, w}), b.node("Mul", {b.weight({3}), b.scalar(2)})}), "y");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fold_constants), 2);
  EXPECT_EQ(b.model.main().nodes.size(), 2u);
  expect_same(before, b.model);
}

TEST(FoldConstants, ShapeArithmeticOfKnownExtentsVanishes) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("batch"), 6, 4});
  const ValueId shape = b.node("Shape", {x});
  const ValueId last = b.node("Gather", {shape, b.integers({2})});
  b.output(last, "last");
  b.output(b.node("Gather", {shape, b.integers({0})}), "batch");
  apply(b.model, fold_constants);
  const graph::Value& folded = b.model.main().value(b.model.main().outputs[0]);
  ASSERT_TRUE(folded.constant);
  EXPECT_EQ(as_ints(*folded.constant), ints({4}));
  EXPECT_EQ(folded.name, "last");
  EXPECT_FALSE(b.model.main().value(b.model.main().outputs[1]).constant);
}

TEST(FoldConstants, AnOutputMayBecomeAConstant) {
  Builder b;
  b.input("x", {2});
  b.output(b.node("Exp", {b.weight({4})}), "y");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fold_constants), 1);
  EXPECT_TRUE(b.model.main().nodes.empty());
  expect_same(before, b.model);
}

TEST(FoldConstants, RandomAndLargeResultsStay) {
  Builder b;
  b.input("x", {2});
  b.output(b.node("RandomNormal", {}, {{"shape", ints({3})}}), "random");
  b.output(b.node("Expand", {b.weight({1, 1}), b.integers({1024, 1024})}), "large");
  EXPECT_EQ(apply(b.model, fold_constants), 0);
}

TEST(FoldConstants, ConstantsThatASubgraphCapturesFoldInside) {
  Builder b;
  const ValueId condition = b.input("condition", {}, DType::kBool);
  const ValueId x = b.input("x", {2});
  const ValueId w = b.weight({2});
  const auto branch = [&](std::string_view op) {
    graph::Graph g;
    const ValueId formal_w = g.add_value("w"), formal_x = g.add_value("x");
    g.inputs = {formal_w, formal_x};
    const ValueId negated = g.add_value("negated"), out = g.add_value("out");
    g.nodes.push_back({ops::find_op("Neg"), "neg", {}, {formal_w}, {negated}});
    g.nodes.push_back({ops::find_op(op), "combine", {}, {formal_x, negated}, {out}});
    g.outputs = {out};
    b.model.graphs.push_back(std::move(g));
    return ops::GraphRef{static_cast<uint32_t>(b.model.graphs.size() - 1)};
  };
  const auto then_branch = branch("Add"), else_branch = branch("Mul");
  const ValueId y =
      b.node("If", {condition, w, x}, {{"then_branch", then_branch}, {"else_branch", else_branch}, {"captures", int64_t{2}}});
  b.output(y, "y");
  EXPECT_EQ(apply(b.model, fold_constants), 3);  // one capture sunk, one Neg in each branch
  EXPECT_EQ(only(b.model, "If").inputs, (std::vector<ValueId>{condition, x}));
  for (size_t i : {size_t{1}, size_t{2}}) {
    EXPECT_EQ(b.model.graphs[i].inputs.size(), 1u);
    EXPECT_EQ(b.model.graphs[i].nodes.size(), 1u);
  }
}

}  // namespace
}  // namespace tercel::passes::testing
