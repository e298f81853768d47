// Rules on symbols and unknowns: what models with dynamic shapes rely on.
#include <gtest/gtest.h>

#include "ops/op.h"

namespace tercel::ops {
namespace {

const Dim kBatch = Dim::symbol(0), kLength = Dim::symbol(1), kUnknown = Dim::unknown();

struct Node {
  std::string_view op;
  Attributes attributes = {};
  std::vector<InferContext::Input> inputs = {};
  size_t outputs = 1;
};

InferContext::Input floats(const Shape& shape) { return {true, {DType::kFloat32, shape}, nullptr, nullptr}; }
Tensor int32s(const Shape& shape, std::vector<int32_t> v) { return Tensor::of<int32_t>(DType::kInt32, shape, v); }
InferContext::Input known(const Tensor& tensor) { return {true, tensor.type(), &tensor, nullptr}; }
InferContext::Input extents(const std::vector<Dim>& dims) {
  return {true, {DType::kInt64, {Dim(static_cast<int64_t>(dims.size()))}}, nullptr, &dims};
}
Tensor int64s(std::vector<int64_t> v) { return Tensor::of<int64_t>(DType::kInt64, {Dim(static_cast<int64_t>(v.size()))}, v); }

Attributes with(std::initializer_list<Attributes::Entry> entries) {
  Attributes result;
  for (const auto& entry : entries) result.set(entry.name, entry.value);
  return result;
}
std::vector<int64_t> list(std::initializer_list<int64_t> v) { return v; }

InferContext::Output infer(const Node& node) {
  InferContext context(node.attributes, node.inputs, node.outputs);
  const auto result = find_op(node.op)->infer(context);
  EXPECT_TRUE(result.ok()) << node.op << ": " << result.error().message();
  return context.outputs()[0];
}

ErrorCode refusal(const Node& node) {
  InferContext context(node.attributes, node.inputs, node.outputs);
  const auto result = find_op(node.op)->infer(context);
  EXPECT_FALSE(result.ok()) << node.op;
  return result.ok() ? ErrorCode::kInternal : result.error().code();
}

// A plan is tuned at fixed shapes, where the list that Shape makes is known before any constant is folded.
TEST(ShapeRules, KnownListsKeepTheirContents) {
  const Tensor list_of_three = int64s({4, 5, 6}), one = int64s({1}), two = int64s({2});
  const auto input = known(list_of_three);
  EXPECT_EQ(infer({"Gather", {}, {input, known(one)}}).dims, (std::vector<Dim>{Dim(5)}));
  EXPECT_EQ(infer({"Slice", {}, {input, known(one), known(two)}}).dims, (std::vector<Dim>{Dim(5)}));
  const Tensor zero = int64s({0});
  EXPECT_EQ(infer({"Unsqueeze", {}, {known(one), known(zero)}}).dims, (std::vector<Dim>{Dim(1)}));
  EXPECT_EQ(infer({"Expand", {}, {known(two), known(two)}}).dims, (std::vector<Dim>{Dim(2), Dim(2)}));
  EXPECT_EQ(infer({"Split", with({{"num_outputs", int64_t{3}}}), {input}, 3}).dims, (std::vector<Dim>{Dim(4)}));
}

TEST(ShapeRules, SymbolsSurvive) {
  const Shape image{kBatch, Dim(3), kLength, Dim(8)};
  const auto same = with({{"pads", list({1, 1, 1, 1})}});
  const auto strided = with({{"auto_pad", std::string("SAME_UPPER")}, {"strides", list({2, 2})}});
  const auto last = with({{"channels_last", int64_t{1}}});
  const auto pool = with({{"kernel_shape", list({1, 2})}, {"strides", list({1, 2})}});
  const auto heads = with({{"num_heads", int64_t{4}}, {"scale", 1.0f}});
  const auto equation = with({{"equation", std::string("bij,bjk->bik")}});
  const Tensor one = int64s({1}), five = int64s({1, 2, 3, 4, 5});
  const Tensor splits = int32s({1, 4}, {0, 0, -1, -1}), one_int = int32s({1}, {0}), starts = int32s({2}, {0, 1}),
               thresholds = Tensor::of<float>(DType::kFloat32, {Dim(1)}, std::vector<float>{1});
  struct Case {
    Node node;
    Shape expected;
  };
  const Case cases[] = {
      {{"Add", {}, {floats({kBatch, Dim(1), Dim(4)}), floats({kLength, Dim(1)})}}, {kBatch, kLength, Dim(4)}},
      {{"MatMul", {}, {floats({kBatch, kLength, Dim(8)}), floats({Dim(8), Dim(5)})}}, {kBatch, kLength, Dim(5)}},
      {{"MatMul", {}, {floats({Dim(8)}), floats({kBatch, Dim(8), kLength})}}, {kBatch, kLength}},
      {{"Gemm", with({{"transB", int64_t{1}}}), {floats({kBatch, Dim(8)}), floats({Dim(5), Dim(8)})}}, {kBatch, Dim(5)}},
      {{"CDist", {}, {floats({kBatch, Dim(8)}), floats({Dim(5), Dim(8)})}}, {kBatch, Dim(5)}},
      {{"tercel.TreeEnsemble",
        with({{"targets", int64_t{3}}}),
        {floats({kBatch, Dim(8)}), known(splits), known(thresholds), known(one_int), known(starts), known(one_int),
         known(thresholds)}},
       {kBatch, Dim(3)}},
      {{"tercel.ClassScores", {}, {floats({kBatch, Dim(5)}), known(five)}}, {kBatch}},
      {{"tercel.Dense", {}, {floats({kBatch, kLength, Dim(8)}), floats({Dim(8), Dim(5)})}}, {kBatch, kLength, Dim(5)}},
      {{"Conv", same, {floats(image), floats({Dim(6), Dim(3), Dim(3), Dim(3)})}}, {kBatch, Dim(6), kLength, Dim(8)}},
      {{"Conv", {}, {floats(image), floats({Dim(6), Dim(3), Dim(3), Dim(3)})}}, {kBatch, Dim(6), kUnknown, Dim(6)}},
      {{"Conv", strided, {floats(image), floats({Dim(6), Dim(3), Dim(3), Dim(3)})}}, {kBatch, Dim(6), kUnknown, Dim(4)}},
      {{"Conv", last, {floats({kBatch, Dim(8), kLength, Dim(3)}), floats({Dim(6), Dim(3), Dim(1), Dim(1)})}},
       {kBatch, Dim(8), kLength, Dim(6)}},
      {{"MaxPool", pool, {floats(image)}}, {kBatch, Dim(3), kLength, Dim(4)}},
      {{"GlobalAveragePool", {}, {floats(image)}}, {kBatch, Dim(3), Dim(1), Dim(1)}},
      {{"Einsum", equation, {floats({kBatch, kLength, Dim(2)}), floats({kBatch, Dim(2), Dim(7)})}}, {kBatch, kLength, Dim(7)}},
      {{"ReduceMean", {}, {floats({kBatch, Dim(3), kLength}), known(one)}}, {kBatch, Dim(1), kLength}},
      {{"Softmax", {}, {floats({kBatch, kLength})}}, {kBatch, kLength}},
      {{"LayerNormalization", {}, {floats({kBatch, kLength, Dim(8)}), floats({Dim(8)})}}, {kBatch, kLength, Dim(8)}},
      {{"tercel.Attention",
        heads,
        {floats({kBatch, kLength, Dim(8)}), floats({kBatch, Dim(9), Dim(8)}), floats({kBatch, Dim(9), Dim(16)})}},
       {kBatch, kLength, Dim(16)}},
      {{"Attention",
        {},
        {floats({kBatch, Dim(4), kLength, Dim(8)}), floats({kBatch, Dim(2), Dim(9), Dim(8)}),
         floats({kBatch, Dim(2), Dim(9), Dim(6)})}},
       {kBatch, Dim(4), kLength, Dim(6)}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.node.op);
    const Shape actual = infer(c.node).type.shape;
    EXPECT_TRUE(actual == c.expected) << to_string(actual) << " against " << to_string(c.expected);
  }
}

// Shape -> slice of it -> product: what a model that flattens by hand computes stays symbolic.
TEST(ShapeRules, ShapeArithmeticStaysSymbolic) {
  const Tensor two = int64s({2});
  using Dims = std::vector<Dim>;
  const auto shape = infer({"Shape", with({{"end", int64_t{2}}}), {floats({kBatch, Dim(6), kLength})}});
  EXPECT_EQ(shape.dims, (Dims{kBatch, Dim(6)}));
  EXPECT_EQ(infer({"Mul", {}, {extents(*shape.dims), known(two)}}).dims, (Dims{kUnknown, Dim(12)}));
  EXPECT_EQ(infer({"Div", {}, {extents(*shape.dims), known(two)}}).dims, (Dims{kUnknown, Dim(3)}));
  EXPECT_EQ(infer({"Sub", {}, {extents(*shape.dims), extents(*shape.dims)}}).dims, (Dims{Dim(0), Dim(0)}));
  EXPECT_EQ(infer({"Div", {}, {extents(*shape.dims), extents(*shape.dims)}}).dims, (Dims{Dim(1), Dim(1)}));
  EXPECT_EQ(infer({"Cast", with({{"to", int64_t{6}}}), {extents(*shape.dims)}}).dims, (Dims{kBatch, Dim(6)}));
  EXPECT_EQ(infer({"Identity", {}, {extents(*shape.dims)}}).dims, (Dims{kBatch, Dim(6)}));
  EXPECT_EQ(infer({"ReduceProd", with({{"keepdims", int64_t{0}}}), {extents(*shape.dims)}}).dims, (Dims{kUnknown}));
  EXPECT_EQ(infer({"Size", {}, {floats({kBatch, Dim(1)})}}).dims, (Dims{kBatch}));
  EXPECT_TRUE(infer({"ConstantOfShape", {}, {extents(*shape.dims)}}).type.shape == (Shape{kBatch, Dim(6)}));
  const Tensor zero = int64s({0}), one = int64s({1});
  const Dims limit{kLength};
  EXPECT_TRUE(infer({"Range", {}, {known(zero), extents(limit), known(one)}}).type.shape == Shape{kLength});
}

TEST(ShapeRules, ContentsThatAreNotKnownYet) {
  const InferContext::Input ints{true, {DType::kInt64, {Dim(2)}}, nullptr, nullptr};
  EXPECT_EQ(refusal({"ReduceSum", {}, {floats({kBatch, Dim(3)}), ints}}), ErrorCode::kNeedsValue);
  EXPECT_EQ(refusal({"ConstantOfShape", {}, {ints}}), ErrorCode::kNeedsValue);
  const InferContext::Input scalar{true, {DType::kInt64, {}}, nullptr, nullptr};
  EXPECT_EQ(refusal({"Range", {}, {scalar, scalar, scalar}}), ErrorCode::kNeedsValue);
}

TEST(ShapeRules, ProvableErrors) {
  EXPECT_EQ(refusal({"MatMul", {}, {floats({kBatch, Dim(8)}), floats({Dim(7), Dim(5)})}}), ErrorCode::kInvalid);
  EXPECT_EQ(refusal({"Conv", {}, {floats({kBatch, Dim(3), kLength}), floats({Dim(6), Dim(4), Dim(1)})}}), ErrorCode::kInvalid);
  const Tensor shape = int64s({int64_t{1} << 30, int64_t{1} << 30});
  EXPECT_EQ(refusal({"ConstantOfShape", {}, {known(shape)}}), ErrorCode::kLimit);
  EXPECT_EQ(refusal({"Einsum",
                     with({{"equation", std::string("a,b,c,d->abcd")}}),
                     {floats({Dim(1 << 12)}), floats({Dim(1 << 12)}), floats({Dim(1 << 12)}), floats({Dim(1 << 12)})}}),
            ErrorCode::kLimit);
}

// Multiply-adds count two.
TEST(ShapeRules, Flops) {
  const auto flops = [](const Node& node, const Shape& out) {
    std::vector<TensorType> inputs;
    for (const auto& input : node.inputs) inputs.push_back(input.type);
    const TensorType output{DType::kFloat32, out};
    return find_op(node.op)->flops(node.attributes, inputs, std::span(&output, 1));
  };
  EXPECT_EQ(flops({"MatMul", {}, {floats({Dim(2), Dim(3)}), floats({Dim(3), Dim(5)})}}, {Dim(2), Dim(5)}), 2 * 2 * 3 * 5);
  EXPECT_EQ(
      flops({"Gemm", with({{"transA", int64_t{1}}}), {floats({Dim(3), Dim(2)}), floats({Dim(3), Dim(5)})}}, {Dim(2), Dim(5)}),
      2 * 2 * 3 * 5);
  EXPECT_EQ(flops({"Conv", {}, {floats({Dim(1), Dim(4), Dim(8), Dim(8)}), floats({Dim(6), Dim(2), Dim(3), Dim(3)})}},
                  {Dim(1), Dim(6), Dim(6), Dim(6)}),
            2 * 6 * 36 * 18);
  EXPECT_EQ(
      flops({"Einsum", with({{"equation", std::string("ij,jk->ik")}}), {floats({Dim(2), Dim(3)}), floats({Dim(3), Dim(5)})}},
            {Dim(2), Dim(5)}),
      2 * 2 * 3 * 5);
}

}  // namespace
}  // namespace tercel::ops
