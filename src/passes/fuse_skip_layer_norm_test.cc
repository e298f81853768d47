#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

TEST(FuseSkipLayerNorm, WithAndWithoutOtherReadersOfTheSum) {
  for (const int others : {0, 1, 2}) {
    SCOPED_TRACE(others);
    Builder b;
    const ValueId x = b.input("x", {b.symbol("batch"), 5, 8}), residual = b.input("residual", {b.symbol("batch"), 5, 8});
    const ValueId sum = b.node("Add", {x, residual});
    if (others == 2) b.output(b.node("Abs", {sum}), "early");  // before the normalisation in node order
    b.output(b.node("LayerNormalization", {sum, b.weight({8}), b.weight({8})}, {{"axis", int64_t{-1}}, {"epsilon", 0.1f}}), "y");
    if (others == 1) b.output(sum, "sum");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fuse_skip_layer_norm), 1);
    EXPECT_EQ(count(b.model, "Add"), 0);
    EXPECT_EQ(only(b.model, "tercel.SkipLayerNormalization").outputs.size(), others ? 2u : 1u);
    expect_same(before, b.model, {{"batch", 2}});
  }
}

TEST(FuseSkipLayerNorm, OtherFormsStay) {
  Builder b;
  const ValueId x = b.input("x", {4, 5, 8}), row = b.input("row", {8}), scale = b.input("scale", {8});
  b.output(b.node("LayerNormalization", {b.node("Add", {x, row}), b.weight({8}), b.weight({8})}), "broadcast");
  b.output(b.node("LayerNormalization", {b.node("Add", {x, x}), b.weight({5, 8})}, {{"axis", int64_t{1}}}), "two axes");
  b.output(b.node("LayerNormalization", {b.node("Add", {x, x}), scale}), "variable scale");
  b.output(b.node("LayerNormalization", {b.node("Add", {x, b.weight({4, 5, 8})}), b.weight({8})}), "constant");
  EXPECT_EQ(apply(b.model, fuse_skip_layer_norm), 0);
}

TEST(FuseSkipLayerNorm, WithoutABias) {
  Builder b;
  const ValueId x = b.input("x", {4, 8}), y = b.input("y", {4, 8});
  b.output(b.node("LayerNormalization", {b.node("Add", {x, y}), b.weight({8})}), "z");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fuse_skip_layer_norm), 1);
  expect_same(before, b.model);
}

}  // namespace
}  // namespace tercel::passes::testing
