#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

const Tensor kMatrix = f32({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(Layout, Values) {
  check_values({
      {"reshape", "Reshape", {}, {kMatrix, i64({2}, {3, -1})}, f32({3, 2}, {1, 2, 3, 4, 5, 6})},
      {"reshape of nothing", "Reshape", {}, {f32({0, 3}, {}), i64({2}, {0, 5})}, f32({0, 5}, {})},
      {"flatten", "Flatten", {}, {u8({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})}, u8({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})},
      {"squeeze", "Squeeze", {}, {f16({1, 2}, {1, 2}), i64({1}, {0})}, f16({2}, {1, 2})},
      {"unsqueeze", "Unsqueeze", {}, {i64({2}, {7, 8}), i64({1}, {-1})}, i64({2, 1}, {7, 8})},
      {"transpose", "Transpose", {}, {kMatrix}, f32({3, 2}, {1, 4, 2, 5, 3, 6})},
      {"transpose of three axes",
       "Transpose",
       attributes({{"perm", ints({2, 0, 1})}}),
       {i32({2, 1, 3}, {1, 2, 3, 4, 5, 6})},
       i32({3, 2, 1}, {1, 4, 2, 5, 3, 6})},
      {"concat",
       "Concat",
       attributes({{"axis", int64_t{1}}}),
       {kMatrix, f32({2, 0}, {}), f32({2, 1}, {7, 8})},
       f32({2, 4}, {1, 2, 3, 7, 4, 5, 6, 8})},
      {"slice", "Slice", {}, {kMatrix, i64({1}, {1}), i64({1}, {3}), i64({1}, {1})}, f32({2, 2}, {2, 3, 5, 6})},
      {"slice backwards",
       "Slice",
       {},
       {kMatrix, i32({2}, {-1, -1}), i32({2}, {-9, 0}), i32({2}, {0, 1}), i32({2}, {-1, -1})},
       f32({2, 2}, {6, 5, 3, 2})},
      {"slice of nothing", "Slice", {}, {kMatrix, i64({1}, {5}), i64({1}, {9})}, f32({0, 3}, {})},
      {"huge step",
       "Slice",
       {},
       {kMatrix, i64({1}, {1}), i64({1}, {INT64_MAX}), i64({1}, {1}), i64({1}, {INT64_MAX})},
       f32({2, 1}, {2, 5})},
      {"expand", "Expand", {}, {f32({2, 1}, {1, 2}), i64({3}, {2, 1, 3})}, f32({2, 2, 3}, {1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2})},
      {"expand to nothing", "Expand", {}, {f32({1}, {1}), i64({1}, {0})}, f32({0}, {})},
      {"tile", "Tile", {}, {boolean({1, 2}, {1, 0}), i64({2}, {2, 2})}, boolean({2, 4}, {1, 0, 1, 0, 1, 0, 1, 0})},
      {"tile no times", "Tile", {}, {kMatrix, i64({2}, {0, 1})}, f32({0, 3}, {})},
      {"trilu", "Trilu", {}, {f32({2, 2}, {1, 2, 3, 4})}, f32({2, 2}, {1, 2, 0, 4})},
      {"trilu, lower, above the diagonal",
       "Trilu",
       attributes({{"upper", int64_t{0}}}),
       {f32({2, 3}, {1, 2, 3, 4, 5, 6}), i64({}, {1})},
       f32({2, 3}, {1, 2, 0, 4, 5, 6})},
      {"trilu far out", "Trilu", {}, {kMatrix, i64({}, {INT64_MAX})}, f32({2, 3}, {0, 0, 0, 0, 0, 0})},
      {"reverse", "ReverseSequence", {}, {f32({3, 2}, {1, 2, 3, 4, 5, 6}), i64({2}, {2, 3})}, f32({3, 2}, {3, 6, 1, 4, 5, 2})},
      {"reverse rows, lengths out of range",
       "ReverseSequence",
       attributes({{"batch_axis", int64_t{0}}, {"time_axis", int64_t{1}}}),
       {kMatrix, i64({2}, {-4, 99})},
       f32({2, 3}, {1, 2, 3, 6, 5, 4})},
      {"depth to space",
       "DepthToSpace",
       attributes({{"blocksize", int64_t{2}}}),
       {f32({1, 4, 1, 1}, {1, 2, 3, 4})},
       f32({1, 1, 2, 2}, {1, 2, 3, 4})},
      {"depth to space, two channels",
       "DepthToSpace",
       attributes({{"blocksize", int64_t{2}}}),
       {f32({1, 8, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8})},
       f32({1, 2, 2, 2}, {1, 3, 5, 7, 2, 4, 6, 8})},
      {"depth to space, depth first",
       "DepthToSpace",
       attributes({{"blocksize", int64_t{2}}, {"mode", text("CRD")}}),
       {f32({1, 8, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8})},
       f32({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})},
      {"space to depth",
       "SpaceToDepth",
       attributes({{"blocksize", int64_t{2}}}),
       {f32({1, 2, 2, 2}, {1, 3, 5, 7, 2, 4, 6, 8})},
       f32({1, 8, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8})},
      {"col2im sums where blocks overlap",
       "Col2Im",
       {},
       {f32({1, 2, 2}, {1, 2, 10, 20}), i64({1}, {3}), i64({1}, {2})},
       f32({1, 1, 3}, {1, 12, 20})},
      {"col2im wraps integers",
       "Col2Im",
       {},
       {i8({1, 2, 2}, {1, 100, 100, 1}), i64({1}, {3}), i64({1}, {2})},
       i8({1, 1, 3}, {1, -56, 1})},
  });
}

TEST(Layout, Pads) {
  const Tensor row = f32({4}, {1, 2, 3, 4}), around = i64({2}, {2, 3});
  const auto mode = [](const char* name) { return attributes({{"mode", text(name)}}); };
  check_values({
      {"zeros", "Pad", {}, {row, around}, f32({9}, {0, 0, 1, 2, 3, 4, 0, 0, 0})},
      {"a value", "Pad", {}, {row, around, f32({}, {9})}, f32({9}, {9, 9, 1, 2, 3, 4, 9, 9, 9})},
      {"edge", "Pad", mode("edge"), {row, around}, f32({9}, {1, 1, 1, 2, 3, 4, 4, 4, 4})},
      {"reflect", "Pad", mode("reflect"), {row, around}, f32({9}, {3, 2, 1, 2, 3, 4, 3, 2, 1})},
      {"reflect again and again", "Pad", mode("reflect"), {f32({2}, {1, 2}), around}, f32({7}, {1, 2, 1, 2, 1, 2, 1})},
      {"reflect of one", "Pad", mode("reflect"), {f32({1}, {5}), around}, f32({6}, {5, 5, 5, 5, 5, 5})},
      {"wrap", "Pad", mode("wrap"), {row, around}, f32({9}, {3, 4, 1, 2, 3, 4, 1, 2, 3})},
      {"crops", "Pad", {}, {row, i64({2}, {-1, -2})}, f32({1}, {2})},
      {"crops and pads", "Pad", {}, {row, i64({2}, {-3, 1})}, f32({2}, {4, 0})},
      {"crops all", "Pad", {}, {row, i64({2}, {-4, 2})}, f32({2}, {0, 0})},
      {"one axis of two",
       "Pad",
       {},
       {f32({1, 2}, {1, 2}), i64({2}, {0, 1}), std::nullopt, i64({1}, {-1})},
       f32({1, 3}, {1, 2, 0})},
      {"integers", "Pad", {}, {i32({1}, {7}), i64({2}, {1, 0}), i32({}, {-1})}, i32({2}, {-1, 7})},
      {"center crop", "CenterCropPad", {}, {f32({5}, {1, 2, 3, 4, 5}), i64({1}, {2})}, f32({2}, {2, 3})},
      {"center pad", "CenterCropPad", {}, {f32({2}, {1, 2}), i64({1}, {5})}, f32({5}, {0, 1, 2, 0, 0})},
      {"center crop and pad", "CenterCropPad", attributes({{"axes", ints({1})}}), {kMatrix, i64({1}, {1})}, f32({2, 1}, {2, 5})},
  });
}

TEST(Layout, SplitsIntoParts) {
  const auto parts = run_op({"Split", attributes({{"axis", int64_t{1}}}), {kMatrix, i64({2}, {1, 2})}, {true, true}});
  ASSERT_TRUE(parts.ok()) << parts.error().message();
  expect_near((*parts)[0], f32({2, 1}, {1, 4}));
  expect_near((*parts)[1], f32({2, 2}, {2, 3, 5, 6}));
  // Unequal parts when the axis does not divide, the last one smaller; an unwanted part is not written.
  const auto even =
      run_op({"Split", attributes({{"num_outputs", int64_t{3}}}), {f32({5}, {1, 2, 3, 4, 5})}, {true, false, true}});
  ASSERT_TRUE(even.ok()) << even.error().message();
  expect_near((*even)[0], f32({2}, {1, 2}));
  expect_near((*even)[2], f32({1}, {5}));
}

// A large transpose is cut into chunks; the result is that of the definition.
TEST(Layout, TransposesInChunks) {
  std::mt19937_64 random(test_seed());
  const Tensor x = random_f32({37, 41, 29}, random);
  const auto y = run_op({"Transpose", attributes({{"perm", ints({2, 0, 1})}}), {x}});
  ASSERT_TRUE(y.ok());
  for (int64_t i = 0; i < 37; ++i)
    for (int64_t j = 0; j < 41; ++j)
      for (int64_t k = 0; k < 29; ++k) ASSERT_EQ(at((*y)[0], (k * 37 + i) * 41 + j), at(x, (i * 41 + j) * 29 + k));
}

}  // namespace
}  // namespace tercel::kernels
