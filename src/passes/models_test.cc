// Whole small models through the whole pipeline: what they become, and that no pass is needed for the others to be right.
#include "passes/pipeline.h"
#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

struct ModelCase {
  const char* name;
  Model (*make)();
  std::vector<Sizes> sizes;
};

Model mlp() {
  Builder b(1);
  ValueId x = b.batch_norm(b.input("x", {b.symbol("n"), 12}), 12);
  x = b.node("Relu", {b.node("Gemm", {x, b.weight({16, 12}), b.weight({16})}, {{"transB", int64_t{1}}, {"alpha", 0.5f}})});
  x = b.gelu(b.linear(b.node("Dropout", {x}), 16, 16));
  const ValueId logits = b.linear(x, 16, 4);
  b.output(logits, "logits");
  b.output(b.node("Softmax", {logits}), "probabilities");
  return b.model;
}

// Residual, depthwise, squeeze-and-excite, hard swish, batch norm before and after.
Model conv_net() {
  Builder b(2);
  const ValueId x = b.input("x", {b.symbol("n"), 3, 12, 12});
  const auto hard_swish = [&](ValueId v) {
    return b.node("Mul",
                  {v, b.node("Div", {b.node("Clip", {b.node("Add", {v, b.scalar(3)}), b.scalar(0), b.scalar(6)}), b.scalar(6)})});
  };
  ValueId y = b.node("Relu", {b.batch_norm(b.conv(x, 3, 8, 3, {{"strides", ints({2, 2})}}), 8)});
  const ValueId residual = y;
  y = hard_swish(b.batch_norm(b.conv(y, 8, 8, 3, {{"group", int64_t{8}}}), 8));
  const ValueId gate = b.node("Sigmoid", {b.conv(b.node("Relu", {b.conv(b.node("GlobalAveragePool", {y}), 8, 2, 1)}), 2, 8, 1)});
  y = b.batch_norm(b.conv(b.node("Mul", {y, gate}), 8, 8, 1), 8);
  y = b.node("Relu", {b.node("Add", {y, residual})});
  y = b.node("Concat",
             {b.node("MaxPool", {y}, {{"kernel_shape", ints({2, 2})}, {"strides", ints({2, 2})}}),
              b.conv(y, 8, 4, 3, {{"strides", ints({2, 2})}})},
             {{"axis", int64_t{1}}});
  y = b.node("Relu", {b.batch_norm(y, 12)});
  b.output(b.node("Gemm", {b.node("Flatten", {y}), b.weight({5, 12 * 3 * 3}), b.weight({5})}, {{"transB", int64_t{1}}}),
           "logits");
  return b.model;
}

Model transformer() {
  constexpr int64_t kHidden = 8, kHeads = 2, kWidth = 4;
  Builder b(3);
  const Dim batch = b.symbol("batch"), sequence = b.symbol("sequence");
  const ValueId ids = b.input("ids", {batch, sequence}, DType::kInt64), keep = b.input("keep", {batch, sequence}, DType::kInt64);
  const ValueId raw = b.node("Cast", {b.node("Unsqueeze", {keep, b.integers({1, 2})})}, {{"to", int64_t{1}}});
  const ValueId mask = b.node("Mul", {b.node("Sub", {b.scalar(1), raw}), b.scalar(-1e4f)});
  ValueId x = b.layer_norm(b.node("Gather", {b.weight({4, kHidden}), ids}), kHidden);
  for (int layer = 0; layer < 2; ++layer) {
    const auto split = [&](ValueId v, std::vector<int64_t> perm) {
      const ValueId shape = b.node("Shape", {v});
      const ValueId rows = b.node("Gather", {shape, b.integers({0})}), columns = b.node("Gather", {shape, b.integers({1})});
      const ValueId target =
          b.node("Concat", {rows, columns, b.integers({kHeads}), b.integers({kWidth})}, {{"axis", int64_t{0}}});
      return b.node("Transpose", {b.node("Reshape", {v, target})}, {{"perm", std::move(perm)}});
    };
    const ValueId q = split(b.linear(x, kHidden, kHidden), ints({0, 2, 1, 3}));
    const ValueId k = split(b.linear(x, kHidden, kHidden), ints({0, 2, 3, 1}));
    const ValueId v = split(b.linear(x, kHidden, kHidden), ints({0, 2, 1, 3}));
    const ValueId scores = b.node("Add", {b.node("Div", {b.node("MatMul", {q, k}), b.scalar(2)}), mask});
    const ValueId context =
        b.node("Transpose", {b.node("MatMul", {b.node("Softmax", {scores}), v})}, {{"perm", ints({0, 2, 1, 3})}});
    const ValueId shape = b.node("Shape", {context});
    const ValueId target = b.node("Concat", {b.node("Slice", {shape, b.integers({0}), b.integers({2})}), b.integers({kHidden})},
                                  {{"axis", int64_t{0}}});
    const ValueId attended = b.linear(b.node("Reshape", {context, target}), kHidden, kHidden);
    x = b.layer_norm(b.node("Add", {attended, x}), kHidden);
    x = b.layer_norm(b.node("Add", {b.linear(b.gelu(b.linear(x, kHidden, 16)), 16, kHidden), x}), kHidden);
  }
  b.output(x, "hidden");
  b.output(b.node("Tanh", {b.linear(b.node("Gather", {x, b.integers({0})}, {{"axis", int64_t{1}}}), kHidden, kHidden)}),
           "pooled");
  return b.model;
}

const ModelCase kModels[] = {
    {"mlp", mlp, {{{"n", 1}}, {{"n", 3}}}},
    {"conv net", conv_net, {{{"n", 1}}, {{"n", 2}}}},
    {"transformer", transformer, {{{"batch", 1}, {"sequence", 1}}, {{"batch", 2}, {"sequence", 5}}}},
};

TEST(Models, KeepTheirMeaningWhicheverPassIsLeftOut) {
  for (const ModelCase& c : kModels) {
    std::vector<std::string> left_out = {""};
    for (const Pass& pass : all_passes()) left_out.emplace_back(pass.name);
    for (const std::string& name : left_out) {
      SCOPED_TRACE(std::string(c.name) + " without " + (name.empty() ? "nothing" : name));
      const Model before = c.make();
      Model after = before;
      PassOptions options;
      if (!name.empty()) options.disabled = {name};
      const auto report = run_passes(after, options);
      ASSERT_TRUE(report) << report.error().message();
      for (const Sizes& sizes : c.sizes) expect_same(before, after, sizes, 1e-4);
    }
  }
}

TEST(Models, KeepTheirMeaningWithEachPassAlone) {
  for (const ModelCase& c : kModels) {
    for (const Pass& only : all_passes()) {
      SCOPED_TRACE(std::string(c.name) + " with only " + std::string(only.name));
      const Model before = c.make();
      Model after = before;
      PassOptions options;
      for (const Pass& pass : all_passes())
        if (pass.name != only.name) options.disabled.emplace_back(pass.name);
      const auto report = run_passes(after, options);
      ASSERT_TRUE(report) << report.error().message();
      expect_same(before, after, c.sizes.back(), 1e-4);
    }
  }
}

TEST(Models, ASecondRunChangesNothing) {
  for (const ModelCase& c : kModels) {
    SCOPED_TRACE(c.name);
    Model model = c.make();
    ASSERT_TRUE(run_passes(model, {}));
    const std::string once = graph::to_text(model);
    const auto again = run_passes(model, {});
    ASSERT_TRUE(again) << again.error().message();
    for (const PassReport& pass : again->passes) EXPECT_EQ(pass.changes, 0) << pass.name;
    EXPECT_EQ(graph::to_text(model), once);
  }
}

using Counts = std::map<std::string, int>;
Counts operators(const Model& model) {
  Counts counts;
  for (const auto& node : model.main().nodes) ++counts[std::string(node.op->name)];
  return counts;
}

TEST(Models, BecomeWhatTheyShould) {
  Model a = mlp(), b = conv_net(), c = transformer();
  for (Model* model : {&a, &b, &c}) ASSERT_TRUE(run_passes(*model, {}));
  EXPECT_EQ(operators(a), (Counts{{"tercel.Dense", 3}, {"Softmax", 1}})) << graph::to_text(a);
  EXPECT_EQ(operators(b), (Counts{{"Transpose", 1},
                                  {"Conv", 6},
                                  {"GlobalAveragePool", 1},
                                  {"Mul", 1},
                                  {"MaxPool", 1},
                                  {"Concat", 1},
                                  {"tercel.FusedElementwise", 1},
                                  {"Flatten", 1},
                                  {"tercel.Dense", 1}}))
      << graph::to_text(b);
  EXPECT_EQ(operators(c), (Counts{{"Unsqueeze", 1},
                                  {"Cast", 1},
                                  {"tercel.FusedElementwise", 1},
                                  {"Gather", 2},
                                  {"LayerNormalization", 1},
                                  {"tercel.Dense", 13},
                                  {"tercel.Attention", 2},
                                  {"tercel.SkipLayerNormalization", 4}}))
      << graph::to_text(c);
}

}  // namespace
}  // namespace tercel::passes::testing
