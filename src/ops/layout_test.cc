#include "ops/layout.h"

#include <gtest/gtest.h>

namespace tercel::ops {
namespace {

const Dim kBatch = Dim::symbol(0), kTime = Dim::symbol(1), kOpen = Dim::unknown();

// An input of a rule: a type, and what is known of the contents.
struct Given {
  Shape shape;
  std::optional<Tensor> value;
  std::optional<std::vector<Dim>> dims;
  DType dtype = DType::kFloat32;
};
Given of(Shape shape) { return {shape, std::nullopt, std::nullopt}; }
Given ints(std::vector<int64_t> values) {
  const Shape shape{Dim(static_cast<int64_t>(values.size()))};
  return {shape, Tensor::of<int64_t>(DType::kInt64, shape, values), std::nullopt, DType::kInt64};
}
Given number(int64_t value) {
  return {{}, Tensor::of<int64_t>(DType::kInt64, {}, std::vector<int64_t>{value}), std::nullopt, DType::kInt64};
}
Given extents(std::vector<Dim> dims) { return {{Dim(static_cast<int64_t>(dims.size()))}, std::nullopt, dims, DType::kInt64}; }
Given data(Shape shape) { return {shape, std::nullopt, std::nullopt, DType::kInt64}; }
Given absent() { return {{}, std::nullopt, std::nullopt, DType::kBool}; }

struct Answer {
  std::optional<Error> error;
  std::vector<InferContext::Output> outputs;
};

Answer ask(std::string_view op, const std::vector<Given>& given, const Attributes& attributes = {}, size_t outputs = 1) {
  std::vector<InferContext::Input> inputs;
  for (const Given& g : given)
    inputs.push_back({g.dtype != DType::kBool, {g.dtype, g.shape}, g.value ? &*g.value : nullptr, g.dims ? &*g.dims : nullptr});
  InferContext context(attributes, inputs, outputs);
  const auto result = find_op(op)->infer(context);
  Answer answer{std::nullopt, {context.outputs().begin(), context.outputs().end()}};
  if (!result.ok()) answer.error = result.error();
  return answer;
}

Attributes with(std::string_view name, AttributeValue value) {
  Attributes attributes;
  attributes.set(name, std::move(value));
  return attributes;
}

struct ShapeCase {
  const char* name;
  std::string_view op;
  std::vector<Given> inputs;
  Attributes attributes;
  Shape expected;
  bool needs_value = false;
};

TEST(LayoutRules, SymbolicExtents) {
  const Shape activation{kBatch, Dim(12), kTime, Dim(64)};
  const ShapeCase kCases[] = {
      {"symbols cancel", "Reshape", {of(activation), extents({kBatch, kTime, kOpen})}, {}, {kBatch, kTime, Dim(768)}},
      {"one symbol is left", "Reshape", {of({kBatch, Dim(3), Dim(4)}), ints({-1, 12})}, {}, {kBatch, Dim(12)}},
      {"zero copies", "Reshape", {of(activation), ints({0, 0, -1})}, {}, {kBatch, Dim(12), kOpen}},
      {"zero copies, rest is known", "Reshape", {of({kBatch, Dim(3), Dim(4)}), ints({0, -1})}, {}, {kBatch, Dim(12)}},
      {"empty batch", "Reshape", {of({Dim(0), Dim(3)}), ints({0, -1})}, {}, {Dim(0), Dim(3)}},
      {"allowzero", "Reshape", {of({Dim(0), Dim(3)}), ints({3, 0})}, with("allowzero", int64_t{1}), {Dim(3), Dim(0)}},
      {"unknown target", "Reshape", {of({Dim(2), Dim(3)}), data({Dim(2)})}, {}, {kOpen, kOpen}, true},
      {"flatten", "Flatten", {of({kBatch, Dim(3), Dim(4)})}, {}, {kBatch, Dim(12)}},
      {"flatten all", "Flatten", {of({Dim(2), Dim(3)})}, with("axis", int64_t{2}), {Dim(6), Dim(1)}},
      {"flatten from the end", "Flatten", {of({Dim(2), Dim(3), Dim(4)})}, with("axis", int64_t{-1}), {Dim(6), Dim(4)}},
      {"squeeze", "Squeeze", {of({Dim(1), kBatch, Dim(1)}), ints({0, -1})}, {}, {kBatch}},
      {"squeeze all", "Squeeze", {of({Dim(1), Dim(3), Dim(1)})}, {}, {Dim(3)}},
      {"unsqueeze", "Unsqueeze", {of({kBatch}), ints({0, -1})}, {}, {Dim(1), kBatch, Dim(1)}},
      {"expand by contents",
       "Expand",
       {of({Dim(1), Dim(1), Dim(8)}), extents({kBatch, Dim(1), Dim(1)})},
       {},
       {kBatch, Dim(1), Dim(8)}},
      {"expand to more axes", "Expand", {of({Dim(3)}), ints({2, 1})}, {}, {Dim(2), Dim(3)}},
      {"expand by data", "Expand", {of({Dim(3)}), data({Dim(2)})}, {}, {kOpen, kOpen}, true},
      {"tile", "Tile", {of({kBatch, Dim(2)}), ints({1, 3})}, {}, {kBatch, Dim(6)}},
      {"transpose",
       "Transpose",
       {of(activation)},
       with("perm", std::vector<int64_t>{0, 2, 1, 3}),
       {kBatch, kTime, Dim(12), Dim(64)}},
      {"transpose reverses", "Transpose", {of({kBatch, Dim(2)})}, {}, {Dim(2), kBatch}},
      {"concat", "Concat", {of({kBatch, Dim(2)}), of({kOpen, Dim(3)})}, with("axis", int64_t{-1}), {kBatch, Dim(5)}},
      {"concat of symbols", "Concat", {of({kBatch}), of({kTime})}, with("axis", int64_t{0}), {kOpen}},
      {"slice keeps open axes", "Slice", {of({kBatch, Dim(8)}), ints({2}), ints({-1}), ints({1})}, {}, {kBatch, Dim(5)}},
      {"slice of everything", "Slice", {of({kBatch}), ints({0}), ints({INT64_MAX})}, {}, {kBatch}},
      {"backwards", "Slice", {of({Dim(5)}), ints({-1}), ints({INT64_MIN}), ints({0}), ints({-2})}, {}, {Dim(3)}},
      {"rows of a table", "Slice", {of({Dim(1), Dim(512)}), ints({0}), extents({kTime}), ints({1})}, {}, {Dim(1), kTime}, true},
      {"pad", "Pad", {of({kBatch, Dim(4)}), ints({0, 1, 0, 2})}, {}, {kBatch, Dim(7)}},
      {"pad some axes", "Pad", {of({kBatch, Dim(4)}), ints({-1, 2}), absent(), ints({-1})}, {}, {kBatch, Dim(5)}},
      {"depth to space",
       "DepthToSpace",
       {of({kBatch, Dim(8), Dim(2), Dim(3)})},
       with("blocksize", int64_t{2}),
       {kBatch, Dim(2), Dim(4), Dim(6)}},
      {"space to depth",
       "SpaceToDepth",
       {of({kBatch, Dim(1), Dim(4), Dim(6)})},
       with("blocksize", int64_t{2}),
       {kBatch, Dim(4), Dim(2), Dim(3)}},
      {"col2im", "Col2Im", {of({kBatch, Dim(8), Dim(4)}), ints({3, 3}), ints({2, 2})}, {}, {kBatch, Dim(2), Dim(3), Dim(3)}},
      {"gather", "Gather", {of({kBatch, Dim(4)}), data({Dim(2), kTime})}, with("axis", int64_t{1}), {kBatch, Dim(2), kTime}},
  };
  for (const ShapeCase& c : kCases) {
    SCOPED_TRACE(std::string(c.op) + ": " + c.name);
    const Answer answer = ask(c.op, c.inputs, c.attributes);
    EXPECT_EQ(answer.error.has_value(), c.needs_value) << (answer.error ? answer.error->message() : "");
    if (answer.error) { EXPECT_EQ(answer.error->code(), ErrorCode::kNeedsValue); }
    EXPECT_TRUE(answer.outputs[0].type.shape == c.expected)
        << to_string(answer.outputs[0].type.shape) << ", not " << to_string(c.expected);
  }
}

// Shape arithmetic: extents travel through small integer tensors.
TEST(LayoutRules, TrackedContents) {
  const std::vector<Dim> shape{kBatch, kTime, Dim(768)};
  const struct {
    const char* name;
    std::string_view op;
    std::vector<Given> inputs;
    Attributes attributes;
    std::vector<Dim> expected;
  } kCases[] = {
      {"element", "Gather", {extents(shape), number(1)}, {}, {kTime}},
      {"elements", "Gather", {extents(shape), ints({-1, 0})}, {}, {Dim(768), kBatch}},
      {"scalar to list", "Unsqueeze", {{{}, std::nullopt, std::vector<Dim>{kTime}, DType::kInt64}, ints({0})}, {}, {kTime}},
      {"list to scalar", "Squeeze", {extents({kTime}), ints({0})}, {}, {kTime}},
      {"reshape", "Reshape", {extents({kTime}), ints({1, 1})}, {}, {kTime}},
      {"concat, -1 is unknown",
       "Concat",
       {extents({kBatch}), ints({-1, 12})},
       with("axis", int64_t{0}),
       {kBatch, kOpen, Dim(12)}},
      {"concat beside data", "Concat", {extents({kBatch}), data({Dim(1)})}, with("axis", int64_t{0}), {kBatch, kOpen}},
      {"slice", "Slice", {extents(shape), ints({1}), ints({INT64_MAX})}, {}, {kTime, Dim(768)}},
      {"slice backwards",
       "Slice",
       {extents(shape), ints({-1}), ints({INT64_MIN}), ints({0}), ints({-1})},
       {},
       {Dim(768), kTime, kBatch}},
      {"expand", "Expand", {extents({kTime}), ints({2})}, {}, {kTime, kTime}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.op) + ": " + c.name);
    const Answer answer = ask(c.op, c.inputs, c.attributes);
    EXPECT_FALSE(answer.error) << answer.error->message();
    ASSERT_TRUE(answer.outputs[0].dims.has_value());
    EXPECT_EQ(*answer.outputs[0].dims, c.expected);
  }
  const Answer parts = ask("Split", {extents(shape), ints({1, 2})}, {}, 2);
  EXPECT_FALSE(parts.error);
  EXPECT_EQ(*parts.outputs[1].dims, (std::vector<Dim>{kTime, Dim(768)}));
}

TEST(LayoutRules, RefusalsSaySo) {
  const struct {
    std::string_view op;
    std::vector<Given> inputs;
    Attributes attributes;
    const char* says;
  } kCases[] = {
      {"Reshape", {of({Dim(2), Dim(3)}), ints({4, -1})}, {}, "-1 cannot be resolved"},
      {"Reshape", {of({Dim(2), Dim(3)}), ints({-1, -1})}, {}, "more than one -1"},
      {"Reshape", {of({Dim(2), Dim(3)}), ints({5})}, {}, "cannot reshape 2x3 (6 elements) to 5 (5)"},
      {"Reshape", {of({Dim(2)}), ints({2, 0})}, {}, "0 (copy), but the input has rank 1"},
      {"Reshape", {of({Dim(2)}), ints({-2})}, {}, "holds -2"},
      {"Reshape", {of({Dim(1)}), ints({1, 1, 1, 1, 1, 1, 1, 1, 1})}, {}, "rank 9"},
      {"Reshape", {of({Dim(1)}), of({Dim(1)})}, {}, "list of integers"},
      {"Reshape", {of({Dim(1)}), ints({INT64_MAX, INT64_MAX})}, {}, "more than"},
      {"Squeeze", {of({Dim(2)}), ints({0})}, {}, "is not 1"},
      {"Unsqueeze", {of({Dim(2)}), ints({0, 0})}, {}, "listed twice"},
      {"Expand", {of({Dim(2)}), ints({3})}, {}, "do not broadcast"},
      {"Expand", {of({Dim(2)}), ints({-1})}, {}, "holds -1"},
      {"Tile", {of({Dim(2)}), ints({1, 1})}, {}, "2 repeats for a tensor of rank 1"},
      {"Tile", {of({Dim(1), Dim(1 << 20)}), ints({1 << 20, 1 << 10})}, {}, "more than"},
      {"Transpose", {of({Dim(2), Dim(3)})}, with("perm", std::vector<int64_t>{0}), "has 1 axes"},
      {"Transpose", {of({Dim(2), Dim(3)})}, with("perm", std::vector<int64_t>{0, 2}), "outside"},
      {"Concat", {of({Dim(2), Dim(3)}), of({Dim(3), Dim(3)})}, with("axis", int64_t{1}), "along axis 0"},
      {"Split", {of({Dim(5)}), ints({4})}, {}, "add up to 4"},
      {"Slice", {of({Dim(5)}), ints({0}), ints({1}), ints({0}), ints({0})}, {}, "step of the Slice is 0"},
      {"Slice", {of({Dim(5)}), ints({0, 0}), ints({1})}, {}, "outside"},
      {"Pad", {of({Dim(5)}), ints({-3, -3})}, {}, "leaves -1 elements"},
      {"Pad", {of({Dim(0)}), ints({1, 0})}, with("mode", std::string("edge")), "nothing to repeat"},
      {"Pad", {of({Dim(5)}), ints({0, 0})}, with("mode", std::string("mirror")), "\"mirror\""},
      {"DepthToSpace", {of({Dim(1), Dim(3), Dim(1), Dim(1)})}, with("blocksize", int64_t{2}), "no multiple"},
      {"Col2Im", {of({kBatch, Dim(10), Dim(4)}), ints({3, 3}), ints({2, 2})}, {}, "no multiple of the block's 4"},
      {"DepthToSpace", {of({Dim(1), Dim(4), Dim(1), Dim(1)})}, {}, "blocksize is 0"},
      {"Gather", {of({}), ints({0})}, {}, "must have rank"},
      {"Gather", {absent(), ints({0})}, {}, "input 0 is missing"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.op);
    const Answer answer = ask(c.op, c.inputs, c.attributes);
    ASSERT_TRUE(answer.error.has_value()) << c.says;
    EXPECT_NE(answer.error->message().find(c.says), std::string::npos) << answer.error->message();
  }
}

TEST(SliceAxis, StaysWithinTheExtent) {
  const struct {
    int64_t extent, start, end, step;
    SliceAxis expected;
  } kCases[] = {
      {5, 1, 4, 2, {1, 2, 2}},
      {5, -3, INT64_MAX, 1, {2, 1, 3}},
      {5, 10, 20, 1, {5, 1, 0}},
      {5, -1, INT64_MIN, -1, {4, -1, 5}},
      {5, INT64_MAX, -6, -2, {4, -2, 3}},
      {5, 0, INT64_MAX, INT64_MAX, {0, INT64_MAX, 1}},
      {5, 4, INT64_MIN, INT64_MIN, {4, -INT64_MAX, 1}},
      {0, 0, 5, 1, {0, 1, 0}},
      {0, -1, -5, -1, {0, -1, 0}},
  };
  for (const auto& c : kCases) {
    const SliceAxis s = slice_axis(c.extent, c.start, c.end, c.step);
    EXPECT_EQ(s.start, c.expected.start);
    EXPECT_EQ(s.step, c.expected.step);
    EXPECT_EQ(s.count, c.expected.count);
  }
}

}  // namespace
}  // namespace tercel::ops
