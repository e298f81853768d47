#include <gtest/gtest.h>

#include "ops/einsum.h"
#include "ops/element_types.h"
#include "ops/elementwise_program.h"
#include "ops/generator.h"
#include "ops/transposed_window.h"

namespace tercel::ops {
namespace {

Windows one_axis(const WindowAxis& axis, AutoPad pad = AutoPad::kExplicit, bool ceil = false) { return {1, {axis}, pad, ceil}; }

TEST(Window, OutputExtents) {
  struct Case {
    WindowAxis axis;
    int64_t input, floor, ceil;
  };
  const Case cases[] = {
      {{3, 1, 1, 0, 0}, 5, 3, 3},  // every start counts
      {{2, 2, 1, 0, 0}, 5, 2, 3},  // a partial window at the end
      {{3, 2, 2, 1, 1}, 8, 3, 4},  // dilated: reaches over five
      {{2, 3, 1, 0, 2}, 4, 2, 2},  // the third window would start in the padding behind
      {{1, 1, 1, 0, 0}, 0, 0, 0},  // nothing in, nothing out: refused below
  };
  for (const Case& c : cases) {
    if (c.input == 0) {
      EXPECT_FALSE(output_extent(one_axis(c.axis), 0, Dim(0)).ok());
      continue;
    }
    EXPECT_EQ(output_extent(one_axis(c.axis), 0, Dim(c.input)).value().size(), c.floor) << c.input;
    EXPECT_EQ(output_extent(one_axis(c.axis, AutoPad::kExplicit, true), 0, Dim(c.input)).value().size(), c.ceil) << c.input;
  }
  EXPECT_EQ(output_extent(one_axis({5, 2, 1, 0, 0}, AutoPad::kSameUpper), 0, Dim(7)).value().size(), 4);
  EXPECT_TRUE(output_extent(one_axis({3, 1, 1, 1, 1}), 0, Dim::symbol(4)).value().same_as(Dim::symbol(4)));
  EXPECT_TRUE(output_extent(one_axis({3, 2, 1, 1, 1}), 0, Dim::symbol(4)).value().is_unknown());
}

TEST(Window, SamePaddingSplits) {
  const int64_t input[] = {6};
  const auto upper = geometry_of(one_axis({4, 1, 1, 0, 0}, AutoPad::kSameUpper), input).value();
  EXPECT_EQ(upper.axes[2].pad_begin, 1);
  EXPECT_EQ(upper.axes[2].pad_end, 2);
  EXPECT_EQ(geometry_of(one_axis({4, 1, 1, 0, 0}, AutoPad::kSameLower), input).value().axes[2].pad_begin, 2);
  EXPECT_EQ(upper.output_points(), 6);
}

// The transposed extent undoes the forward one where the strides leave nothing over.
TEST(Window, TransposedExtentInverts) {
  for (int64_t kernel = 1; kernel <= 4; ++kernel)
    for (int64_t stride = 1; stride <= 3; ++stride)
      for (int64_t pad = 0; pad < kernel; ++pad)
        for (int64_t out = 1; out <= 4; ++out) {
          const Windows windows = one_axis({kernel, stride, 1, pad, 0});
          const TransposedWindows transposed{.windows = windows};
          const Dim input = transposed_extent(transposed, 0, Dim(out)).value();
          if (input.size() == 0) continue;
          EXPECT_EQ(output_extent(windows, 0, input).value().size(), out) << kernel << ' ' << stride << ' ' << pad;
        }
}

TEST(Window, HostileAttributes) {
  const auto refused = [](std::string_view name, AttributeValue value) {
    Attributes attributes;
    attributes.set("kernel_shape", std::vector<int64_t>{2, 2});
    attributes.set(name, std::move(value));
    return !windows_of(attributes, {}, 2).ok();
  };
  EXPECT_TRUE(refused("kernel_shape", std::vector<int64_t>{2}));
  EXPECT_TRUE(refused("kernel_shape", std::vector<int64_t>{0, 2}));
  EXPECT_TRUE(refused("strides", std::vector<int64_t>{INT64_MAX, 1}));
  EXPECT_TRUE(refused("dilations", std::vector<int64_t>{-1, 1}));
  EXPECT_TRUE(refused("pads", std::vector<int64_t>{0, 0, 0, INT64_MIN}));
  EXPECT_TRUE(refused("auto_pad", std::string("MAYBE")));
  EXPECT_FALSE(refused("strides", std::vector<int64_t>{2, 1}));
  EXPECT_FALSE(windows_of({}, std::vector<int64_t>{1, 1, 1, 1}, 4).ok());
}

TEST(Einsum, Labels) {
  const int ranks[] = {3, 1};
  const auto equation = parse_einsum(" ...a, a -> ... ", ranks).value();
  EXPECT_EQ(equation.inputs[0].size(), 3u);
  EXPECT_EQ(equation.inputs[0][2], equation.inputs[1][0]);
  EXPECT_EQ(equation.output, (std::vector<int>{equation.inputs[0][0], equation.inputs[0][1]}));
  for (const std::string_view bad :
       {"", ",", "->", "a", "abc,a,a", "a...b...,a->a", "abc,a->x", "ab1,a->a", "abc,a->aa", "abc,a-b", "abc,a->b->c"})
    EXPECT_FALSE(parse_einsum(bad, ranks).ok()) << bad;
}

TEST(ElementwiseProgram, ChecksWhatItDecodes) {
  const auto decoded = [](std::vector<int64_t> program, std::vector<float> constants, int inputs) {
    Attributes attributes;
    attributes.set("program", std::move(program));
    attributes.set("constants", std::move(constants));
    return elementwise_program_of(attributes, inputs);
  };
  const auto add = static_cast<int64_t>(ElementwiseCode::kAdd);
  ASSERT_TRUE(decoded({add, 0, 1, 0, add, kFirstResult, kFirstConstant, 0}, {1}, 2).ok());
  EXPECT_FALSE(decoded({}, {}, 1).ok());
  EXPECT_FALSE(decoded({add, 0, 1}, {}, 2).ok()) << "half an instruction";
  EXPECT_FALSE(decoded({add, 0, 2, 0}, {}, 2).ok()) << "no such input";
  EXPECT_FALSE(decoded({add, 0, -1, 0}, {}, 2).ok());
  EXPECT_FALSE(decoded({add, 0, kFirstResult, 0}, {}, 1).ok()) << "its own result";
  EXPECT_FALSE(decoded({add, 0, kFirstConstant + 1, 0}, {1}, 1).ok()) << "no such constant";
  EXPECT_FALSE(decoded({255, 0, 0, 0}, {}, 1).ok()) << "no such code";
  EXPECT_FALSE(decoded({INT64_MAX, 0, 0, 0}, {}, 1).ok());
  EXPECT_FALSE(decoded({add, 0, 0, 0}, {}, kProgramInputsMax + 1).ok());
  EXPECT_FALSE(decoded(std::vector<int64_t>(4 * (kProgramInstructionsMax + 1), 0), {}, 1).ok());

  ElementwiseProgram program;
  program.instructions = {{ElementwiseCode::kClip, 0, kFirstConstant, kFirstConstant + 1}};
  program.constants = {0, 6};
  Attributes attributes;
  set_elementwise_program(attributes, program);
  const auto again = elementwise_program_of(attributes, 1);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.value().instructions[0].c, kFirstConstant + 1);
  EXPECT_EQ(again.value().constants, program.constants);
}

TEST(ElementTypes, CodesOfOnnx) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_onnx(onnx_code_of(dtype)).value(), dtype) << dtype_name(dtype);
  }
  EXPECT_EQ(dtype_from_onnx(8).error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(dtype_from_onnx(0).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(dtype_from_onnx(INT64_MIN).error().code(), ErrorCode::kInvalid);
}

TEST(Generator, ShapeSlices) {
  const auto slice = [](int64_t start, int64_t end) {
    Attributes attributes;
    attributes.set("start", start);
    attributes.set("end", end);
    const ShapeSlice s = shape_slice(attributes, 4);
    return std::pair(s.start, s.end);
  };
  EXPECT_EQ(slice(1, 3), std::pair(1, 3));
  EXPECT_EQ(slice(-3, -1), std::pair(1, 3));
  EXPECT_EQ(slice(INT64_MIN, INT64_MAX), std::pair(0, 4));
  EXPECT_EQ(slice(3, 1), std::pair(3, 3));
}

}  // namespace
}  // namespace tercel::ops
