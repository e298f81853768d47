#include "passes/testing.h"

namespace tercel::passes::testing {
namespace {

constexpr int64_t kHeads = 2, kWidth = 4, kHidden = kHeads * kWidth;

enum class KeyForm { kOnePermutation, kTwoTransposes };
enum class ScaleForm { kDivScores, kMulScores, kMulQuery, kRootOnBoth, kNone };
enum class MaskForm { kNone, kAdd, kAddFirst, kWhere };
enum class ShapeForm { kCopyAndRest, kFromShape, kRestFirst };

struct AttentionCase {
  const char* name;
  KeyForm key = KeyForm::kOnePermutation;
  ScaleForm scale = ScaleForm::kDivScores;
  MaskForm mask = MaskForm::kNone;
  ShapeForm shape = ShapeForm::kCopyAndRest;
  bool packed = false;  // one projection and a Split
};

ValueId heads_shape(Builder& b, ValueId x, ShapeForm form, std::vector<int64_t> tail) {
  std::vector<int64_t> target = {0, -1};
  if (form == ShapeForm::kRestFirst) target = {-1, 5};
  if (form == ShapeForm::kFromShape) {
    const ValueId extents = b.node("Slice", {b.node("Shape", {x}), b.integers({0}), b.integers({2})});
    return b.node("Concat", {extents, b.integers(tail)}, {{"axis", int64_t{0}}});
  }
  target.insert(target.end(), tail.begin(), tail.end());
  return b.integers(target);
}

ValueId split_heads(Builder& b, ValueId x, ShapeForm form) {
  return b.node("Reshape", {x, heads_shape(b, x, form, {kHeads, kWidth})});
}
ValueId transpose(Builder& b, ValueId x, std::initializer_list<int64_t> perm) {
  return b.node("Transpose", {x}, {{"perm", ints(perm)}});
}

ValueId key(Builder& b, ValueId split, KeyForm form) {
  if (form == KeyForm::kOnePermutation) return transpose(b, split, {0, 2, 3, 1});
  return transpose(b, transpose(b, split, {0, 2, 1, 3}), {0, 1, 3, 2});
}

ValueId masked(Builder& b, ValueId scores, const AttentionCase& c) {
  if (c.mask == MaskForm::kNone) return scores;
  const Dim batch = b.symbol("batch"), sequence = c.shape == ShapeForm::kRestFirst ? Dim(5) : b.symbol("sequence");
  if (c.mask == MaskForm::kWhere)
    return b.node("Where", {b.input("keep", {sequence, sequence}, DType::kBool), scores, b.scalar(-1e30f)});
  const ValueId mask = b.input("mask", {batch, 1, 1, sequence});
  return c.mask == MaskForm::kAdd ? b.node("Add", {scores, mask}) : b.node("Add", {mask, scores});
}

// Multi-head self-attention as exporters write it; the softmax weights are `weights` when asked for.
ValueId attention(Builder& b, ValueId x, const AttentionCase& c, ValueId* weights = nullptr) {
  std::vector<ValueId> projections;
  if (c.packed) {
    projections = b.nodes("Split", {b.linear(x, kHidden, 3 * kHidden)}, 3, {{"axis", int64_t{2}}, {"num_outputs", int64_t{3}}});
  } else {
    for (int i = 0; i < 3; ++i) projections.push_back(b.linear(x, kHidden, kHidden));
  }
  ValueId q = transpose(b, split_heads(b, projections[0], c.shape), {0, 2, 1, 3});
  ValueId k = key(b, split_heads(b, projections[1], c.shape), c.key);
  const ValueId v = transpose(b, split_heads(b, projections[2], c.shape), {0, 2, 1, 3});
  if (c.scale == ScaleForm::kMulQuery) q = b.node("Mul", {q, b.scalar(0.5f)});
  if (c.scale == ScaleForm::kRootOnBoth) {
    q = b.node("Mul", {q, b.scalar(0.7071068f)});
    k = b.node("Mul", {k, b.scalar(0.7071068f)});
  }
  ValueId scores = b.node("MatMul", {q, k});
  if (c.scale == ScaleForm::kDivScores) scores = b.node("Div", {scores, b.scalar(2)});
  if (c.scale == ScaleForm::kMulScores) scores = b.node("Mul", {b.scalar(0.5f), scores});
  const ValueId softmax = b.node("Softmax", {masked(b, scores, c)});
  if (weights) *weights = softmax;
  const ValueId context = transpose(b, b.node("MatMul", {softmax, v}), {0, 2, 1, 3});
  const ValueId joined = b.node("Reshape", {context, heads_shape(b, context, c.shape, {kHidden})});
  return b.linear(joined, kHidden, kHidden);
}

const AttentionCase kCases[] = {
    {"plain"},
    {"key transposed twice", KeyForm::kTwoTransposes},
    {"scores multiplied", KeyForm::kOnePermutation, ScaleForm::kMulScores},
    {"query multiplied", KeyForm::kTwoTransposes, ScaleForm::kMulQuery},
    {"half of the scale on each", KeyForm::kTwoTransposes, ScaleForm::kRootOnBoth},
    {"no scale", KeyForm::kOnePermutation, ScaleForm::kNone},
    {"mask", KeyForm::kOnePermutation, ScaleForm::kDivScores, MaskForm::kAdd},
    {"mask first", KeyForm::kTwoTransposes, ScaleForm::kDivScores, MaskForm::kAddFirst},
    {"where", KeyForm::kTwoTransposes, ScaleForm::kDivScores, MaskForm::kWhere},
    {"shapes from the input", KeyForm::kOnePermutation, ScaleForm::kDivScores, MaskForm::kAdd, ShapeForm::kFromShape},
    {"the batch is the rest", KeyForm::kOnePermutation, ScaleForm::kDivScores, MaskForm::kAdd, ShapeForm::kRestFirst},
    {"packed projection", KeyForm::kTwoTransposes, ScaleForm::kDivScores, MaskForm::kNone, ShapeForm::kCopyAndRest, true},
};

ValueId input(Builder& b, const AttentionCase& c) {
  return b.input("x", {b.symbol("batch"), c.shape == ShapeForm::kRestFirst ? Dim(5) : b.symbol("sequence"), kHidden});
}

TEST(FuseAttention, Variants) {
  for (const AttentionCase& c : kCases) {
    SCOPED_TRACE(c.name);
    Builder b;
    b.output(attention(b, input(b, c), c), "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fuse_attention), 1) << graph::to_text(b.model);
    EXPECT_EQ(count(b.model, "Softmax"), 0);
    EXPECT_EQ(count(b.model, "Transpose"), 0);
    EXPECT_EQ(count(b.model, "Reshape"), 0) << graph::to_text(b.model);
    const auto& node = only(b.model, "tercel.Attention");
    EXPECT_EQ(node.attributes.get_int("num_heads", 0), kHeads);
    EXPECT_EQ(node.inputs.size(), c.mask == MaskForm::kNone ? 3u : 4u);
    for (const int64_t sequence : {int64_t{1}, int64_t{5}}) expect_same(before, b.model, {{"batch", 2}, {"sequence", sequence}});
    EXPECT_EQ(apply(b.model, fuse_attention), 0);
  }
}

TEST(FuseAttention, WeightsThatAreReadStay) {
  Builder b;
  ValueId weights = kNoValue;
  b.output(attention(b, input(b, kCases[0]), kCases[0], &weights), "y");
  b.output(weights, "weights");
  EXPECT_EQ(apply(b.model, fuse_attention), 0);
}

TEST(FuseAttention, OtherMasksAndAxesStay) {
  struct Case {
    const char* name;
    Shape mask;
    int64_t axis;
    bool fuses;
  };
  const Case cases[] = {{"a mask that widens the batch", {7, 1, 1, 5}, -1, false},
                        {"a mask of rank five", {1, 1, 1, 1, 5}, -1, false},
                        {"a softmax over the heads", {5, 5}, 1, false},
                        {"a square mask", {5, 5}, -1, true},
                        {"a mask a head", {kHeads, 5, 5}, 3, true}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Builder b;
    const ValueId x = b.input("x", {1, 5, kHidden});
    const auto split = [&] { return b.node("Reshape", {b.linear(x, kHidden, kHidden), b.integers({0, 0, kHeads, kWidth})}); };
    const ValueId q = transpose(b, split(), {0, 2, 1, 3}), k = transpose(b, split(), {0, 2, 3, 1}),
                  v = transpose(b, split(), {0, 2, 1, 3});
    const ValueId scores = b.node("Add", {b.node("MatMul", {q, k}), b.input("mask", c.mask)});
    const ValueId context = b.node("MatMul", {b.node("Softmax", {scores}, {{"axis", c.axis}}), v});
    const std::initializer_list<int64_t> back = {0, 2, 1, 3};
    if (c.mask.rank() == 5) b.output(context, "y");
    else b.output(transpose(b, context, back), "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fuse_attention), c.fuses ? 1 : 0);
    expect_same(before, b.model);
  }
}

TEST(FuseAttention, CrossAttentionAndAnOutputThatStaysSplit) {
  Builder b;
  const ValueId x = b.input("x", {b.symbol("batch"), b.symbol("target"), kHidden});
  const ValueId y = b.input("y", {b.symbol("batch"), b.symbol("source"), kHidden});
  const auto split = [&](ValueId value) {
    return b.node("Reshape", {b.linear(value, kHidden, kHidden), b.integers({0, 0, kHeads, kWidth})});
  };
  const ValueId q = transpose(b, split(x), {0, 2, 1, 3}), k = transpose(b, split(y), {0, 2, 3, 1}),
                v = transpose(b, split(y), {0, 2, 1, 3});
  const ValueId context = b.node("MatMul", {b.node("Softmax", {b.node("MatMul", {q, k})}), v});
  b.output(transpose(b, context, {0, 2, 1, 3}), "z");
  const Model before = b.model;
  EXPECT_EQ(apply(b.model, fuse_attention), 1);
  EXPECT_EQ(count(b.model, "Reshape"), 1);
  expect_same(before, b.model, {{"batch", 2}, {"target", 3}, {"source", 5}});
}

TEST(FuseAttention, HeadsThatBroadcastOverTheBatchStay) {
  Builder b;
  const ValueId x = b.input("x", {2, 5, kHidden}), memory = b.input("memory", {1, 5, kHidden});
  const auto split = [&](ValueId value) { return b.node("Reshape", {value, b.integers({0, 0, kHeads, kWidth})}); };
  const ValueId q = transpose(b, split(x), {0, 2, 1, 3}), k = transpose(b, split(memory), {0, 2, 3, 1});
  const ValueId v = transpose(b, split(memory), {0, 2, 1, 3});
  const ValueId context = b.node("MatMul", {b.node("Softmax", {b.node("MatMul", {q, k})}), v});
  b.output(transpose(b, context, {0, 2, 1, 3}), "z");
  EXPECT_EQ(apply(b.model, fuse_attention), 0);
}

// Vision transformers project once, and take the pieces from the front.
TEST(FuseAttention, OneProjectionInFiveDimensions) {
  for (const bool gather : {true, false}) {
    SCOPED_TRACE(gather ? "Gather" : "Split");
    Builder b;
    const ValueId x = b.input("x", {b.symbol("batch"), b.symbol("sequence"), kHidden});
    const ValueId split = b.node("Reshape", {b.linear(x, kHidden, 3 * kHidden), b.integers({0, -1, 3, kHeads, kWidth})});
    const ValueId packed = b.node("Transpose", {split}, {{"perm", ints({2, 0, 3, 1, 4})}});
    std::vector<ValueId> pieces;
    if (gather) {
      for (int64_t i : {0, 1, -1}) pieces.push_back(b.node("Gather", {packed, b.index(i)}, {{"axis", int64_t{0}}}));
    } else {
      for (ValueId part : b.nodes("Split", {packed}, 3, {{"num_outputs", int64_t{3}}}))
        pieces.push_back(b.node("Squeeze", {part, b.integers({0})}));
    }
    const ValueId q = b.node("Mul", {pieces[0], b.scalar(0.5f)});
    const ValueId weights = b.node("Softmax", {b.node("MatMul", {q, transpose(b, pieces[1], {0, 1, 3, 2})})});
    const ValueId context = transpose(b, b.node("MatMul", {weights, pieces[2]}), {0, 2, 1, 3});
    b.output(b.node("Reshape", {context, b.integers({0, -1, kHidden})}), "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fuse_attention), 4);
    EXPECT_EQ(count(b.model, "Transpose") + count(b.model, "Reshape"), 0) << graph::to_text(b.model);
    EXPECT_EQ(count(b.model, "tercel.Attention"), 1);
    expect_same(before, b.model, {{"batch", 2}, {"sequence", 5}});
  }
}

struct OperatorCase {
  const char* name;
  bool split;  // rank 4, between Transposes
  std::vector<ops::Attributes::Entry> entries;
  DType mask = DType::kInt8;  // int8: none
  bool fuses = true;
};
const OperatorCase kOperators[] = {
    {"packed", false, {}},
    {"packed with scale", false, {{"scale", 0.3f}}},
    {"packed with mask", false, {}, DType::kFloat32},
    {"packed with a boolean mask", false, {}, DType::kBool},
    {"split", true, {}},
    {"split with scale and mask", true, {{"scale", 0.3f}}, DType::kFloat32},
    {"causal", false, {{"is_causal", int64_t{1}}}, DType::kInt8, false},
    {"soft cap", true, {{"softcap", 2.0f}}, DType::kInt8, false},
};

TEST(FuseAttention, TheOnnxOperator) {
  for (const OperatorCase& c : kOperators) {
    SCOPED_TRACE(c.name);
    Builder b;
    const Dim batch = b.symbol("batch"), sequence = b.symbol("sequence");
    const ValueId x = b.input("x", {batch, sequence, kHidden});
    std::vector<ValueId> inputs;
    for (int i = 0; i < 3; ++i) {
      const ValueId rows = b.linear(x, kHidden, kHidden);
      inputs.push_back(c.split ? transpose(b, b.node("Reshape", {rows, b.integers({0, 0, kHeads, kWidth})}), {0, 2, 1, 3})
                               : rows);
    }
    if (c.mask != DType::kInt8) inputs.push_back(b.input("mask", {batch, 1, sequence, sequence}, c.mask));
    auto entries = c.entries;
    if (!c.split) entries.insert(entries.end(), {{"q_num_heads", kHeads}, {"kv_num_heads", kHeads}});
    ValueId y = b.node("Attention", inputs, entries);
    if (c.split) y = b.node("Reshape", {transpose(b, y, {0, 2, 1, 3}), b.integers({0, 0, kHidden})});
    b.output(y, "y");
    const Model before = b.model;
    EXPECT_EQ(apply(b.model, fuse_attention), c.fuses ? 1 : 0);
    EXPECT_EQ(count(b.model, "tercel.Attention"), c.fuses ? 1 : 0);
    expect_same(before, b.model, {{"batch", 2}, {"sequence", 5}});
  }
}

}  // namespace
}  // namespace tercel::passes::testing
