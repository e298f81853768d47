#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

struct ActivationCase {
  const char* op;
  std::vector<ops::Attributes::Entry> entries;
  std::vector<float> bounds;  // further scalar inputs
  const char* becomes;        // attribute `activation`; empty: not fused
};
const ActivationCase kActivations[] = {
    {"Relu", {}, {}, "Relu"},
    {"Clip", {}, {0, 6}, "Clip"},
    {"Clip", {}, {2, -2}, ""},
    {"LeakyRelu", {{"alpha", 0.3f}}, {}, "LeakyRelu"},
    {"LeakyRelu", {}, {}, "LeakyRelu"},
    {"Sigmoid", {}, {}, "Sigmoid"},
    {"Tanh", {}, {}, "Tanh"},
    {"Swish", {}, {}, "Silu"},
    {"Swish", {{"alpha", 2.0f}}, {}, ""},
    {"HardSwish", {}, {}, "HardSwish"},
    {"HardSigmoid", {{"alpha", 0.25f}, {"beta", 0.4f}}, {}, "HardSigmoid"},
    {"HardSigmoid", {}, {}, "HardSigmoid"},
    {"Gelu", {}, {}, "Gelu"},
    {"Gelu", {{"approximate", std::string("tanh")}}, {}, "GeluTanh"},
    {"Abs", {}, {}, ""},
};

ValueId linear(Builder& b, bool dense, std::string name) {
  if (dense) return b.node("tercel.Dense", {b.input(std::move(name), {b.symbol("n"), 6}), b.weight({6, 4}), b.weight({4})});
  return b.conv(b.input(std::move(name), {b.symbol("n"), 3, 5, 5}), 3, 4, 3);
}

TEST(FuseEpilogues, Activations) {
  for (const bool dense : {false, true}) {
    for (const ActivationCase& c : kActivations) {
      SCOPED_TRACE(std::string(c.op) + (dense ? " after Dense" : " after Conv"));
      Builder b;
      std::vector<ValueId> inputs = {linear(b, dense, "x")};
      for (float bound : c.bounds) inputs.push_back(b.scalar(bound));
      b.output(b.node(c.op, inputs, c.entries), "y");
      const Model before = b.model;
      EXPECT_EQ(apply(b.model, fuse_epilogues), *c.becomes ? 1 : 0);
      EXPECT_EQ(b.model.main().nodes[0].attributes.get_string("activation", ""), c.becomes);
      expect_same(before, b.model, {{"n", 2}});
    }
  }
}

TEST(FuseEpilogues, BiasResidualAndActivationInOrder) {
  for (const bool dense : {false, true}) {
    Builder b;
    const ValueId x = linear(b, dense, "x"), other = b.node("Neg", {linear(b, dense, "r")});
    const ValueId biased = b.node("Add", {x, dense ? b.weight({4}) : b.weight({4, 1, 1})});
    b.output(b.node("Relu", {b.node("Add", {other, biased})}), "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fuse_epilogues), 3);
    EXPECT_EQ(b.model.main().nodes.size(), 3u);
    expect_same(before, b.model, {{"n", 2}});
  }
}

TEST(FuseEpilogues, OfTwoConvolutionsOneTakesTheOther) {
  Builder b;
  const ValueId x = b.input("x", {2, 3, 5, 5});
  b.output(b.node("Relu", {b.node("Add", {b.conv(x, 3, 4, 3), b.conv(x, 3, 4, 1)})}), "y");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fuse_epilogues), 2);
  EXPECT_EQ(b.model.main().nodes.size(), 2u);
  expect_same(before, b.model);
}

TEST(FuseEpilogues, WhatIsReadTwiceOrBroadcastsStays) {
  Builder b;
  const ValueId x = b.input("x", {2, 3, 5, 5});
  const ValueId output = b.conv(x, 3, 4, 3), twice = b.conv(x, 3, 4, 3), wide = b.conv(x, 3, 4, 3), narrow = b.conv(x, 3, 4, 3);
  b.output(output, "a graph output");
  b.output(b.node("Relu", {output}), "relu of an output");
  b.output(b.node("Add", {b.node("Relu", {twice}), b.node("Tanh", {twice})}), "two readers");
  b.output(b.node("Add", {wide, b.input("row", {2, 4, 1, 5})}), "a residual that broadcasts");
  b.output(b.node("Add", {narrow, b.input("pair", {7, 2, 4, 5, 5})}), "a residual that is larger");
  b.output(b.node("Add", {b.node("Relu", {b.conv(x, 3, 4, 3)}), b.input("late", {2, 4, 5, 5})}),
           "a residual after the activation");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fuse_epilogues), 1);  // the last Relu
  EXPECT_EQ(count(b.model, "Relu"), 2);
  expect_same(before, b.model);
}

TEST(FuseEpilogues, ResidualOfUnknownExtentsNeedsProof) {
  Builder b;
  const ValueId x = b.input("x", {1, 3, b.symbol("h"), b.symbol("w")});
  const auto half = [&] { return b.conv(x, 3, 4, 3, {{"strides", ints({2, 2})}}); };  // its extents are not known
  const ValueId y = half();
  b.output(b.node("Mul", {y, b.node("Add", {half(), b.node("Sigmoid", {y})})}), "y");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fuse_epilogues), 0);
  expect_same(before, b.model, {{"h", 6}, {"w", 7}});
}

}  // namespace
}  // namespace tercel::passes::testing
