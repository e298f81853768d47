#include <limits>

#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

const Tensor kMatrix = f32({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(Reduction, Values) {
  const Tensor rows = i64({1}, {1}), columns = i64({1}, {0}), last = i64({1}, {-1}), none = i64({0}, {});
  const auto flat = attributes({{"keepdims", int64_t{0}}}), noop = attributes({{"noop_with_empty_axes", int64_t{1}}});
  check_values({
      {"keeps axes", "ReduceSum", {}, {kMatrix, rows}, f32({2, 1}, {6, 15})},
      {"drops axes", "ReduceSum", flat, {kMatrix, columns}, f32({3}, {5, 7, 9})},
      {"all", "ReduceSum", flat, {kMatrix}, f32({}, {21})},
      {"no axes are all", "ReduceSum", flat, {kMatrix, none}, f32({}, {21})},
      {"no axes are none", "ReduceSum", noop, {kMatrix, none}, kMatrix},
      {"no axes, but squares", "ReduceSumSquare", noop, {f32({2}, {-2, 3}), none}, f32({2}, {4, 9})},
      {"middle axis", "ReduceSum", flat, {f32({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), i64({1}, {1})}, f32({2, 2}, {4, 6, 12, 14})},
      {"outer and inner", "ReduceSum", flat, {f32({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), i64({2}, {0, 2})}, f32({2}, {14, 22})},
      {"sums in double", "ReduceSum", flat, {f32({4}, {16777216, 1, 1, -16777216})}, f32({}, {2})},
      {"empty", "ReduceSum", {}, {f32({2, 0}, {}), rows}, f32({2, 1}, {0, 0})},
      {"no rows", "ReduceSum", {}, {f32({0, 2}, {}), rows}, f32({0, 1}, {})},
      {"integers", "ReduceSum", flat, {i32({2}, {2147483647, 1})}, i32({}, {-2147483648.0})},
      {"average", "ReduceMean", flat, {kMatrix, last}, f32({2}, {2, 5})},
      {"integers truncate", "ReduceMean", flat, {i32({2}, {1, 2})}, i32({}, {1})},
      {"NaN wins", "ReduceMax", flat, {f32({2, 2}, {1, kNan, 3, 2}), rows}, f32({2}, {kNan, 3})},
      {"empty", "ReduceMax", flat, {f32({0}, {})}, f32({}, {-kInf})},
      {"empty integers", "ReduceMax", flat, {i8({0}, {})}, i8({}, {-128})},
      {"truth", "ReduceMax", flat, {boolean({2, 2}, {0, 0, 0, 1}), rows}, boolean({2}, {0, 1})},
      {"smallest", "ReduceMin", flat, {kMatrix, rows}, f32({2}, {1, 4})},
      {"empty integers", "ReduceMin", flat, {i8({0}, {})}, i8({}, {127})},
      {"unsigned", "ReduceMin", flat, {u64({2}, {UINT64_MAX, 5})}, u64({}, {5})},
      {"product", "ReduceProd", flat, {kMatrix, rows}, f32({2}, {6, 120})},
      {"empty", "ReduceProd", flat, {i64({0}, {})}, i64({}, {1})},
      {"absolute", "ReduceL1", flat, {f32({3}, {-1, 2, -3})}, f32({}, {6})},
      {"integers", "ReduceL1", flat, {i32({3}, {-1, 2, -3})}, i32({}, {6})},
      {"euclidean", "ReduceL2", flat, {f32({2}, {3, 4})}, f32({}, {5})},
      {"squares", "ReduceSumSquare", flat, {f32({2}, {3, 4})}, f32({}, {25})},
      {"logarithm", "ReduceLogSum", flat, {f32({2}, {1, std::exp(1.0) - 1})}, f32({}, {1})},
      {"no overflow", "ReduceLogSumExp", flat, {f32({2}, {1000, 1000})}, f32({}, {1000.69314718})},
      {"infinities", "ReduceLogSumExp", flat, {f32({2}, {-kInf, -kInf})}, f32({}, {-kInf})},
  });
}

TEST(Reduction, SearchAndScan) {
  const auto last = attributes({{"axis", int64_t{1}}, {"keepdims", int64_t{0}}, {"select_last_index", int64_t{1}}});
  const auto exclusive = attributes({{"exclusive", int64_t{1}}}), reverse = attributes({{"reverse", int64_t{1}}});
  const Tensor ties = f32({2, 3}, {2, 2, 1, 0, 3, 3});
  check_values({
      {"first of ties", "ArgMax", attributes({{"axis", int64_t{1}}}), {ties}, i64({2, 1}, {0, 1})},
      {"last of ties", "ArgMax", last, {ties}, i64({2}, {1, 2})},
      {"NaN", "ArgMax", {}, {f32({3}, {1, kNan, 9})}, i64({1}, {1})},
      {"columns", "ArgMin", attributes({{"keepdims", int64_t{0}}}), {ties}, i64({3}, {1, 0, 0})},
      {"inclusive", "CumSum", {}, {f32({3}, {1, 2, 3}), i64({}, {0})}, f32({3}, {1, 3, 6})},
      {"exclusive", "CumSum", exclusive, {f32({3}, {1, 2, 3}), i64({}, {0})}, f32({3}, {0, 1, 3})},
      {"reverse", "CumSum", reverse, {f32({3}, {1, 2, 3}), i32({}, {0})}, f32({3}, {6, 5, 3})},
      {"outer axis", "CumSum", {}, {kMatrix, i64({}, {-2})}, f32({2, 3}, {1, 2, 3, 5, 7, 9})},
      {"product", "CumProd", {}, {i32({4}, {1, 2, 3, 4}), i64({}, {0})}, i32({4}, {1, 2, 6, 24})},
      {"exclusive", "CumProd", exclusive, {f32({3}, {2, 3, 4}), i64({}, {0})}, f32({3}, {1, 2, 6})},
  });
}

TEST(Reduction, Softmax) {
  const Tensor x = f32({2, 2}, {0, std::log(3.0), 1000, 1000});
  check_values({
      {"last axis", "Softmax", {}, {x}, f32({2, 2}, {0.25, 0.75, 0.5, 0.5})},
      {"first axis", "Softmax", attributes({{"axis", int64_t{0}}}), {f32({2, 1}, {0, std::log(3.0)})}, f32({2, 1}, {0.25, 0.75})},
      {"masked", "Softmax", {}, {f32({3}, {0, -kInf, 0})}, f32({3}, {0.5, 0, 0.5})},
      {"NaN spreads", "Softmax", {}, {f32({2}, {0, kNan})}, f32({2}, {kNan, kNan})},
      {"empty", "Softmax", {}, {f32({0, 2}, {})}, f32({0, 2}, {})},
      {"half floats", "Softmax", {}, {f16({2}, {0, 0})}, f16({2}, {0.5, 0.5})},
      {"logarithm", "LogSoftmax", {}, {x}, f32({2, 2}, {std::log(0.25), std::log(0.75), -0.69314718, -0.69314718})},
      {"first largest", "Hardmax", {}, {f32({2, 3}, {1, 3, 3, -1, -2, -3})}, f32({2, 3}, {0, 1, 0, 1, 0, 0})},
      {"euclidean", "LpNormalization", {}, {f32({2, 2}, {3, 4, 0, 0})}, f32({2, 2}, {0.6, 0.8, 0, 0})},
      {"absolute", "LpNormalization", attributes({{"p", int64_t{1}}}), {f32({2}, {-1, 3})}, f32({2}, {-0.25, 0.75})},
  });
}

// Values 1 and 3 have mean 2 and variance 1: normalised to -1 and 1 (epsilon 0).
TEST(Reduction, Normalization) {
  const auto exact = attributes({{"epsilon", 0.0f}});
  const auto groups = attributes({{"epsilon", 0.0f}, {"num_groups", int64_t{1}}});
  const Tensor two = f32({2}, {2, 3}), bias = f32({2}, {10, 20}), zero = f32({2}, {0, 0}), one = f32({2}, {1, 1});
  const Tensor channels = f32({1, 2, 2}, {1, 3, 5, 9}), moved = f32({1, 2, 2}, {1, 5, 3, 9});  // the same, channels last
  const auto last = attributes({{"epsilon", 0.0f}, {"channels_last", int64_t{1}}});
  check_values({
      {"scale and bias", "LayerNormalization", exact, {f32({2, 2}, {1, 3, 7, 5}), two, bias}, f32({2, 2}, {8, 23, 12, 17})},
      {"no bias", "LayerNormalization", exact, {f32({1, 2}, {1, 3}), two}, f32({1, 2}, {-2, 3})},
      {"two axes",
       "LayerNormalization",
       attributes({{"epsilon", 0.0f}, {"axis", int64_t{0}}}),
       {f32({2, 2}, {1, 3, 1, 3}), one},
       f32({2, 2}, {-1, 1, -1, 1})},
      {"root mean square", "RMSNormalization", exact, {f32({2}, {1, 7}), two}, f32({2}, {0.4, 4.2})},
      {"skip",
       "tercel.SkipLayerNormalization",
       exact,
       {f32({1, 2}, {0, 1}), f32({1, 2}, {1, 2}), two, bias},
       f32({1, 2}, {8, 23})},
      {"per channel",
       "BatchNormalization",
       exact,
       {channels, two, bias, f32({2}, {1, 5}), f32({2}, {4, 16})},
       f32({1, 2, 2}, {10, 12, 20, 23})},
      {"channels last",
       "BatchNormalization",
       last,
       {moved, two, bias, f32({2}, {1, 5}), f32({2}, {4, 16})},
       f32({1, 2, 2}, {10, 20, 12, 23})},
      {"per channel", "InstanceNormalization", exact, {channels, two, bias}, f32({1, 2, 2}, {8, 12, 17, 23})},
      {"channels last", "InstanceNormalization", last, {moved, two, bias}, f32({1, 2, 2}, {8, 17, 12, 23})},
      {"one group", "GroupNormalization", groups, {f32({1, 2, 1}, {1, 3}), two, bias}, f32({1, 2, 1}, {8, 23})},
      {"over batch and space",
       "MeanVarianceNormalization",
       attributes({{"axes", ints({0, 2})}}),
       {f32({2, 2, 1}, {1, 5, 3, 9})},
       f32({2, 2, 1}, {-1, -1, 1, 1}),
       1e-5},
      {"neighbours",
       "LRN",
       attributes({{"size", int64_t{3}}, {"alpha", 3.0f}, {"beta", 1.0f}, {"bias", 1.0f}}),
       {f32({1, 3, 1}, {1, 2, 3})},
       f32({1, 3, 1}, {1 / 6.0, 2 / 15.0, 3 / 14.0})},
  });
}

TEST(Reduction, NormalizationStatistics) {
  const auto outputs = run_op({"LayerNormalization",
                               attributes({{"epsilon", 0.0f}}),
                               {f16({2, 2}, {1, 3, 4, 8}), f16({2}, {1, 1})},
                               {false, true, true}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message();
  expect_near(outputs.value()[1], f32({2, 1}, {2, 6}));
  expect_near(outputs.value()[2], f32({2, 1}, {1, 0.5}));
  const auto sums = run_op({"tercel.SkipLayerNormalization",
                            {},
                            {f32({1, 2}, {1, 2}), f32({1, 2}, {3, 5}), f32({2}, {1, 1}), f32({2}, {0, 0})},
                            {true, true}});
  ASSERT_TRUE(sums.ok()) << sums.error().message();
  expect_near(sums.value()[1], f32({1, 2}, {4, 7}));
}

TEST(Reduction, Losses) {
  const Tensor scores = f32({2, 2}, {-1, -2, -3, -4}), labels = i64({2}, {0, 1}), weights = f32({2}, {1, 3});
  const Tensor even = f32({1, 2}, {5, 5});
  const auto none = attributes({{"reduction", text("none")}}), sum = attributes({{"reduction", text("sum")}});
  check_values({
      {"one each", "NegativeLogLikelihoodLoss", none, {scores, labels}, f32({2}, {1, 4})},
      {"mean", "NegativeLogLikelihoodLoss", {}, {scores, labels}, f32({}, {2.5})},
      {"weighted mean", "NegativeLogLikelihoodLoss", {}, {scores, labels, weights}, f32({}, {13 / 4.0})},
      {"weighted sum", "NegativeLogLikelihoodLoss", sum, {scores, labels, weights}, f32({}, {13})},
      {"ignored",
       "NegativeLogLikelihoodLoss",
       attributes({{"ignore_index", int64_t{-7}}}),
       {scores, i64({2}, {-7, 1})},
       f32({}, {4})},
      {"no such class", "NegativeLogLikelihoodLoss", none, {scores, i64({2}, {0, 2})}, f32({2}, {1, kNan})},
      {"even odds", "SoftmaxCrossEntropyLoss", {}, {even, i32({1}, {1})}, f32({}, {0.69314718})},
  });
  const auto both = run_op({"SoftmaxCrossEntropyLoss", {}, {even, i64({1}, {0})}, {true, true}});
  ASSERT_TRUE(both.ok()) << both.error().message();
  expect_near(both.value()[1], f32({1, 2}, {-0.69314718, -0.69314718}));
}

TEST(Reduction, Refusals) {
  const Tensor scale = f32({3}, {1, 1, 1});
  check_refusals({
      {"ReduceSum", {}, {kMatrix, i64({1}, {2})}, "axis 2"},
      {"ReduceSum", {}, {kMatrix, f32({1}, {0})}, "integers"},
      {"ReduceSum", {}, {kMatrix, i64({2, 1}, {0, 1})}, "axes"},
      {"ArgMax", attributes({{"axis", int64_t{5}}}), {kMatrix}, "axis 5"},
      {"ArgMax", attributes({{"axis", int64_t{1}}}), {f32({2, 0}, {})}, "no element"},
      {"CumSum", {}, {f32({}, {1}), i64({}, {0})}, "rank"},
      {"Softmax", attributes({{"axis", int64_t{-3}}}), {kMatrix}, "axis -3"},
      {"LpNormalization", attributes({{"p", int64_t{3}}}), {kMatrix}, "'p'"},
      {"LayerNormalization", {}, {f32({2, 2}, {0, 0, 0, 0}), scale}, "broadcast"},
      {"BatchNormalization", attributes({{"training_mode", int64_t{1}}}), {kMatrix, scale, scale, scale, scale}, "training"},
      {"BatchNormalization", {}, {f32({1, 2}, {0, 0}), scale, scale, scale, scale}, "channels"},
      {"GroupNormalization", attributes({{"num_groups", int64_t{2}}}), {kMatrix, scale, scale}, "groups"},
      {"GroupNormalization", attributes({{"num_groups", int64_t{0}}}), {kMatrix, scale, scale}, "num_groups"},
      {"LRN", {}, {kMatrix}, "'size'"},
      {"NegativeLogLikelihoodLoss", {}, {kMatrix, i64({3}, {0, 0, 0})}, "labels"},
  });
}

}  // namespace
}  // namespace tercel::kernels
