// fold-batch-norm and fold-affine.
#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

using Entries = std::vector<ops::Attributes::Entry>;

struct LinearCase {
  const char* name;
  ValueId (*make)(Builder&);  // a linear operator with six output channels on axis 1
};
const LinearCase kLinears[] = {
    {"Conv",
     [](Builder& b) {
       return b.conv(b.input("x", {b.symbol("n"), 4, 5, 5}), 4, 6, 3);
     }},
    {"Conv of groups",
     [](Builder& b) {
       return b.conv(b.input("x", {b.symbol("n"), 4, 5, 5}), 4, 6, 3, {{"group", int64_t{2}}});
     }},
    {"depthwise Conv",
     [](Builder& b) {
       return b.conv(b.input("x", {b.symbol("n"), 6, 5, 5}), 6, 6, 3, {{"group", int64_t{6}}});
     }},
    {"Conv without bias",
     [](Builder& b) {
       return b.node("Conv", {b.input("x", {b.symbol("n"), 4, 5}), b.weight({6, 4, 3})});
     }},
    {"ConvTranspose",
     [](Builder& b) {
       return b.node("ConvTranspose", {b.input("x", {b.symbol("n"), 4, 5, 5}), b.weight({4, 6, 3, 3}), b.weight({6})});
     }},
    {"ConvTranspose of groups",
     [](Builder& b) {
       return b.node("ConvTranspose", {b.input("x", {b.symbol("n"), 4, 5, 5}), b.weight({4, 3, 3, 3})}, {{"group", int64_t{2}}});
     }},
    {"Gemm",
     [](Builder& b) {
       return b.node("Gemm", {b.input("x", {b.symbol("n"), 4}), b.weight({6, 4}), b.weight({6})}, {{"transB", int64_t{1}}});
     }},
    {"MatMul",
     [](Builder& b) {
       return b.node("MatMul", {b.input("x", {b.symbol("n"), 4}), b.weight({4, 6})});
     }},
};

int fold_both(Model& model) {
  apply(model, lower_dense);
  return apply(model, fold_batch_norm);
}

TEST(FoldBatchNorm, IntoTheLinearOperatorBefore) {
  for (const LinearCase& c : kLinears) {
    SCOPED_TRACE(c.name);
    Builder b;
    b.output(b.batch_norm(c.make(b), 6), "y");
    const Model before = b.model;
    EXPECT_EQ(fold_both(b.model), 1);
    EXPECT_EQ(b.model.main().nodes.size(), 1u);
    expect_same(before, b.model, {{"n", 2}});
    EXPECT_EQ(apply(b.model, fold_batch_norm), 0);
  }
}

TEST(FoldBatchNorm, IntoTheConvAfterOnlyWithoutPadding) {
  for (const bool padded : {false, true}) {
    Builder b;
    const ValueId x = b.input("x", {2, 4, 5, 5});
    const int64_t pad = padded;
    b.output(b.conv(b.batch_norm(x, 4), 4, 6, 3, {{"pads", ints({pad, pad, pad, pad})}, {"group", int64_t{2}}}), "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fold_batch_norm), 1);
    EXPECT_EQ(b.model.main().nodes.size(), padded ? 3u : 1u) << graph::to_text(b.model);
    expect_same(before, b.model);
  }
}

TEST(FoldBatchNorm, IntoTheConvAfterWithAutomaticPadding) {
  for (const auto& [mode, folds] : {std::pair{"VALID", true}, {"SAME_UPPER", false}}) {
    Builder b;
    const ValueId x = b.input("x", {2, 4, 5, 5});
    b.output(b.node("Conv", {b.batch_norm(x, 4), b.weight({6, 4, 3, 3})}, {{"auto_pad", std::string(mode)}}), "y");
    const Model before = b.model;
    apply(b.model, fold_batch_norm);
    EXPECT_EQ(b.model.main().nodes.size() == 1, folds);
    expect_same(before, b.model);
  }
}

TEST(FoldBatchNorm, BeforeADenseLayer) {
  Builder b;
  b.output(b.node("Gemm", {b.batch_norm(b.input("x", {3, 4}), 4), b.weight({4, 6})}), "y");
  const Model before = b.model;
  EXPECT_EQ(fold_both(b.model), 1);
  EXPECT_EQ(b.model.main().nodes.size(), 1u);
  expect_same(before, b.model);
}

TEST(FoldBatchNorm, AfterAddOrConcatItBecomesAffine) {
  for (const char* op : {"Add", "Concat"}) {
    SCOPED_TRACE(op);
    Builder b;
    const ValueId x = b.input("x", {2, 3, 4, 4});
    const ValueId left = b.conv(x, 3, 3, 3), right = b.conv(x, 3, 3, 1);
    const bool concat = op[0] == 'C';
    const ValueId joined = b.node(op, {left, right}, concat ? Entries{{"axis", int64_t{1}}} : Entries{});
    b.output(b.batch_norm(joined, concat ? 6 : 3), "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fold_batch_norm), 1);
    EXPECT_EQ(count(b.model, "BatchNormalization"), 0);
    EXPECT_EQ(count(b.model, "Mul"), 1);
    EXPECT_EQ(count(b.model, op), concat ? 1 : 2);
    expect_same(before, b.model);
  }
}

TEST(FoldBatchNorm, SharedWeightsAreCopied) {
  Builder b;
  const ValueId x = b.input("x", {2, 4, 5, 5}), w = b.weight({6, 4, 1, 1}), bias = b.weight({6});
  const ValueId first = b.node("Conv", {x, w, bias}), second = b.node("Conv", {x, w, bias});
  b.output(b.batch_norm(first, 6), "normalised");
  b.output(second, "plain");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fold_batch_norm), 1);
  EXPECT_EQ(b.model.main().nodes.size(), 2u);
  expect_same(before, b.model);
}

TEST(FoldBatchNorm, TwoReadersOrAnOutputKeepTheConvAsItIs) {
  for (const bool output : {false, true}) {
    Builder b;
    const ValueId conv = b.conv(b.input("x", {2, 4, 5, 5}), 4, 6, 3);
    b.output(b.batch_norm(conv, 6), "y");
    if (output) b.output(conv, "conv");
    else b.output(b.node("Relu", {conv}), "relu");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fold_batch_norm), 1);
    EXPECT_EQ(count(b.model, "Mul"), 1);
    expect_same(before, b.model);
  }
}

TEST(FoldBatchNorm, UnknownParametersAndTrainingStay) {
  Builder b;
  const ValueId conv = b.conv(b.input("x", {2, 4, 5, 5}), 4, 6, 3), s = b.weight({6}), variance = b.weight({6}, 0.5f, 1);
  b.output(b.node("BatchNormalization", {conv, b.input("scale", {6}), s, s, variance}), "variable");
  EXPECT_EQ(apply(b.model, fold_batch_norm), 0);

  Builder negative;  // sqrt of a negative variance: stays, and stays NaN
  const ValueId y = negative.conv(negative.input("x", {2, 4, 5, 5}), 4, 6, 3);
  negative.output(negative.node("BatchNormalization", {y, negative.weight({6}), negative.weight({6}), negative.weight({6}),
                                                       negative.weight({6}, -2, -1)}),
                  "y");
  EXPECT_EQ(apply(negative.model, fold_batch_norm), 0);
}

TEST(FoldBatchNorm, TrainingModeStays) {
  Builder b;
  const ValueId conv = b.conv(b.input("x", {2, 4, 5, 5}), 4, 6, 3), s = b.weight({6}), variance = b.weight({6}, 0.5f, 1);
  const auto outputs = b.nodes("BatchNormalization", {conv, s, s, s, variance}, 3, {{"training_mode", int64_t{1}}});
  b.output(outputs[0], "y");
  // The shape rules may refuse training altogether; what matters is that it is never folded.
  if (!graph::infer_shapes(b.model)) return;
  EXPECT_EQ(fold_batch_norm(b.model).value(), 0);
}

TEST(FoldAffine, PerChannelArithmeticAfterALinearOperator) {
  struct Case {
    const char* op;
    bool constant_first, folds;
  };
  for (const Case c : {Case{"Mul", false, true},
                       {"Mul", true, true},
                       {"Add", false, true},
                       {"Add", true, true},
                       {"Sub", false, true},
                       {"Sub", true, true},
                       {"Div", false, true},
                       {"Div", true, false}}) {
    for (const Shape& shape : {Shape{6, 1, 1}, Shape{1, 6, 1, 1}, Shape{}, Shape{1}}) {
      SCOPED_TRACE(std::string(c.op) + " " + to_string(shape));
      Builder b;
      const ValueId conv = b.conv(b.input("x", {b.symbol("n"), 4, 5, 5}), 4, 6, 3), constant = b.weight(shape, 0.5f, 2);
      b.output(c.constant_first ? b.node(c.op, {constant, conv}) : b.node(c.op, {conv, constant}), "y");
      const Model before = b.model;
      EXPECT_EQ(apply(b.model, fold_affine), c.folds ? 1 : 0);
      expect_same(before, b.model, {{"n", 2}}, 1e-4);
    }
  }
}

TEST(FoldAffine, OtherBroadcastsStay) {
  for (const Shape& shape : {Shape{5}, Shape{5, 1}, Shape{2, 1, 1, 1}, Shape{6, 5, 5}, Shape{1, 1, 6, 1, 1}}) {
    SCOPED_TRACE(to_string(shape));
    Builder b;
    const ValueId conv = b.conv(b.input("x", {2, 4, 5, 5}), 4, 6, 3);
    b.output(b.node("Add", {conv, b.weight(shape)}), "y");
    EXPECT_EQ(apply(b.model, fold_affine), 0);
  }
}

TEST(FoldAffine, BiasAndScaleAfterADenseLayer) {
  Builder b;
  const ValueId dense = b.linear(b.input("x", {b.symbol("n"), 3, 4}), 4, 6);
  b.output(b.node("Div", {dense, b.scalar(8)}), "y");
  const Model before = b.model;
  apply(b.model, lower_dense);
  EXPECT_EQ(apply(b.model, fold_affine), 2);
  EXPECT_EQ(only(b.model, "tercel.Dense").inputs.size(), 3u);
  EXPECT_EQ(b.model.main().nodes.size(), 1u);
  expect_same(before, b.model, {{"n", 2}});
}

}  // namespace
}  // namespace tercel::passes::testing
