#include <gtest/gtest.h>

#include <cmath>

#include "kernels/simd/row_check.h"

namespace tercel::kernels::simd {
namespace {

constexpr Tolerance kTolerance{3e-6, 3e-6};

TEST(LayerNorm, MatchesTheReference) {
  std::mt19937 random(test_seed());
  struct Case {
    Shape x;
    int64_t axis;
  };
  for (const auto& [x, axis] : {Case{{3, 7}, -1}, Case{{2, 5, 768}, -1}, Case{{4, 3, 33}, 1}, Case{{1, 1}, -1},
                                Case{{2, 5000}, 1}, Case{{0, 8}, 1}, Case{{70, 300}, 1}}) {
    Shape row;
    for (int i = static_cast<int>(axis < 0 ? axis + x.rank() : axis); i < x.rank(); ++i) row.push_back(x[i]);
    for (const bool bias : {true, false}) {
      OpCase c{.op = "LayerNormalization", .inputs = {random_floats(random, x, 2, 9), random_floats(random, row)}};
      if (bias) c.inputs.push_back(random_floats(random, row));
      c.attributes.set("axis", axis);
      c.attributes.set("epsilon", 1e-3f);
      expect_like_reference("layer-normalization/simd", c, kTolerance);
    }
    OpCase rms{.op = "RMSNormalization", .inputs = {random_floats(random, x), random_floats(random, row)}};
    rms.attributes.set("axis", axis);
    expect_like_reference("rms-normalization/simd", rms, kTolerance);
  }
}

TEST(LayerNorm, KeepsPrecisionFarFromZero) {
  std::mt19937 random(test_seed());
  const Tensor x = random_floats(random, {4, 4096}, 1000, 1001), ones = floats({4096}, std::vector<float>(4096, 1.0f));
  expect_like_reference("layer-normalization/simd", {.op = "LayerNormalization", .inputs = {x, ones}},
                        {0, 5e-4});  // x itself has 6e-5
}

TEST(LayerNorm, PassesNanOnAndOnlyInItsRow) {
  std::mt19937 random(test_seed());
  const Tensor x = floats({3, 4}, {1, NAN, 2, 3, 1, 2, 3, 4, 0, INFINITY, 0, 0});
  expect_like_reference("layer-normalization/simd", {.op = "LayerNormalization", .inputs = {x, random_floats(random, {4})}},
                        kTolerance);
}

TEST(LayerNorm, RefusesWhatItDoesNotCompute) {
  const Tensor x = floats({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(refusal_of_row("layer-normalization/simd", {.op = "LayerNormalization", .inputs = {x, floats({1}, {2})}}),
            "wants input 1 to have the normalised extents, not 1");
  EXPECT_EQ(refusal_of_row("layer-normalization/simd",
                           {.op = "LayerNormalization", .inputs = {x, floats({4}, {1, 1, 1, 1})}, .wanted = {true, true}}),
            "does not compute output 1");
}

TEST(SkipLayerNorm, MatchesTheReferenceWithAndWithoutTheSum) {
  std::mt19937 random(test_seed());
  for (const Shape& x : {Shape{1, 3}, Shape{5, 64}, Shape{2, 30, 770}}) {
    const Shape row{x[x.rank() - 1]};
    for (const std::vector<bool>& wanted : {std::vector{true}, std::vector{true, true}, std::vector{true, false}})
      expect_like_reference(
          "skip-layer-normalization/simd",
          {.op = "tercel.SkipLayerNormalization",
           .inputs = {random_floats(random, x), random_floats(random, x), random_floats(random, row), random_floats(random, row)},
           .wanted = wanted},
          kTolerance);
  }
}

TEST(BatchNorm, MatchesTheReferenceInBothLayouts) {
  std::mt19937 random(test_seed());
  for (const Shape& x : {Shape{2, 5}, Shape{1, 16, 9}, Shape{2, 6, 14, 14}, Shape{3, 40, 33, 31}, Shape{0, 3, 2, 2}}) {
    for (const int64_t channels_last : {0, 1}) {
      const Shape c{x[channels_last ? x.rank() - 1 : 1]};
      OpCase step{.op = "BatchNormalization",
                  .inputs = {random_floats(random, x), random_floats(random, c), random_floats(random, c),
                             random_floats(random, c), random_floats(random, c, 0.1f, 3)}};
      step.attributes.set("channels_last", channels_last);
      expect_like_reference("batch-normalization/simd", step, kTolerance);
    }
  }
}

TEST(GroupNorm, MatchesTheReference) {
  std::mt19937 random(test_seed());
  for (const Shape& x : {Shape{2, 4, 3}, Shape{1, 8, 14, 15}, Shape{3, 12, 1, 1}, Shape{2, 32, 40, 40}}) {
    const Shape c{x[1]};
    OpCase step{.op = "InstanceNormalization",
                .inputs = {random_floats(random, x, 1, 4), random_floats(random, c), random_floats(random, c)}};
    expect_like_reference("instance-normalization/simd", step, kTolerance);
    step.op = "GroupNormalization";
    for (const int64_t groups : {1, 2, 4}) {
      step.attributes.set("num_groups", groups);
      expect_like_reference("group-normalization/simd", step, kTolerance);
    }
  }
}

// Rows that lie close together far from zero: what rounding takes from their mean is large against their deviation.
TEST(Norms, KeepWhatRoundingTakesFromTheMean) {
  std::mt19937 random(test_seed());
  for (int i = 0; i < 50; ++i) {
    Tensor x = random_floats(random, Shape{3, 12, 2}, 3.9f, 4);
    for (int64_t e = 0; e < x.elements(); ++e) x.mutable_as<float>()[e] = 4 + (x.as<float>()[e] - 4) * 0.1f;
    OpCase step{.op = "GroupNormalization", .inputs = {x, random_floats(random, Shape{12}), random_floats(random, Shape{12})}};
    step.attributes.set("num_groups", int64_t{4});
    step.attributes.set("epsilon", 1e-9f);
    expect_like_reference("group-normalization/simd", step, kTolerance);
    OpCase layer{.op = "LayerNormalization", .inputs = {x, random_floats(random, Shape{2}), random_floats(random, Shape{2})}};
    layer.attributes.set("epsilon", 1e-9f);
    expect_like_reference("layer-normalization/simd", layer, kTolerance);
  }
}

}  // namespace
}  // namespace tercel::kernels::simd
