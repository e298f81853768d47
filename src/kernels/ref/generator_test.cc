#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

TEST(Generator, Values) {
  check_values({
      {"zeros by default", "ConstantOfShape", {}, {i64({2}, {2, 1})}, f32({2, 1}, {0, 0})},
      {"typed", "ConstantOfShape", attributes({{"value", i8({1}, {-3})}}), {i64({1}, {3})}, i8({3}, {-3, -3, -3})},
      {"scalar", "ConstantOfShape", attributes({{"value", i64({1}, {7})}}), {i64({0}, {})}, i64({}, {7})},
      {"empty", "ConstantOfShape", {}, {i64({2}, {0, 4})}, f32({0, 4}, {})},
      {"up", "Range", {}, {i64({}, {3}), i64({}, {9}), i64({}, {3})}, i64({2}, {3, 6})},
      {"down", "Range", {}, {i32({}, {10}), i32({}, {4}), i32({}, {-2})}, i32({3}, {10, 8, 6})},
      {"fractions", "Range", {}, {f32({}, {0}), f32({}, {1}), f32({}, {0.3})}, f32({4}, {0, 0.3, 0.6, 0.9})},
      {"nothing", "Range", {}, {f32({}, {1}), f32({}, {0}), f32({}, {1})}, f32({0}, {})},
      {"all", "Shape", {}, {f32({2, 0, 3}, {})}, i64({3}, {2, 0, 3})},
      {"a part", "Shape", attributes({{"start", int64_t{-2}}, {"end", int64_t{-1}}}), {f32({2, 1, 1}, {0, 0})}, i64({1}, {1})},
      {"crossed", "Shape", attributes({{"start", int64_t{2}}, {"end", int64_t{1}}}), {f32({2, 1}, {0, 0})}, i64({0}, {})},
      {"scalar", "Size", {}, {f32({}, {0})}, i64({}, {1})},
      {"elements", "Size", {}, {f32({2, 2}, {0, 0, 0, 0})}, i64({}, {4})},
      {"square", "EyeLike", {}, {i32({2, 2}, {0, 0, 0, 0})}, i32({2, 2}, {1, 0, 0, 1})},
      {"upper, wide",
       "EyeLike",
       attributes({{"k", int64_t{1}}, {"dtype", int64_t{1}}}),
       {i32({2, 3}, {0, 0, 0, 0, 0, 0})},
       f32({2, 3}, {0, 1, 0, 0, 0, 1})},
      {"lower", "EyeLike", attributes({{"k", int64_t{-1}}}), {f32({2, 2}, {0, 0, 0, 0})}, f32({2, 2}, {0, 0, 1, 0})},
      {"outside", "EyeLike", attributes({{"k", INT64_MAX}}), {f32({1, 2}, {0, 0})}, f32({1, 2}, {0, 0})},
      {"outside", "EyeLike", attributes({{"k", INT64_MIN}}), {f32({1, 2}, {0, 0})}, f32({1, 2}, {0, 0})},
  });
}

TEST(Generator, Refusals) {
  check_refusals({
      {"ConstantOfShape", {}, {i64({2}, {2, -1})}, "negative"},
      {"ConstantOfShape", {}, {i64({2}, {int64_t{1} << 40, int64_t{1} << 40})}, "elements"},
      {"ConstantOfShape", {}, {i64({9}, {1, 1, 1, 1, 1, 1, 1, 1, 1})}, "rank"},
      {"ConstantOfShape", attributes({{"value", f32({2}, {1, 2})}}), {i64({1}, {1})}, "one element"},
      {"Range", {}, {i64({}, {0}), i64({}, {9}), i64({}, {0})}, "delta"},
      {"Range", {}, {f32({}, {0}), f32({}, {9}), f32({}, {0})}, "more than"},
      {"Range", {}, {f32({}, {0}), f32({}, {std::nan("")}), f32({}, {1})}, "NaN"},
      {"Range", {}, {i64({}, {INT64_MIN}), i64({}, {INT64_MAX}), i64({}, {1})}, "more than"},
      {"RandomNormal", {}, {}, "'shape'"},
      {"RandomUniform", attributes({{"shape", ints({-1})}}), {}, "negative"},
      {"RandomUniform", attributes({{"shape", ints({1})}, {"dtype", int64_t{7}}}), {}, "int64"},
      {"Multinomial", {}, {f32({2, 0}, {})}, "no class"},
  });
}

// Mean and deviation of `op` over many draws lie where the distribution says; the bounds are eight standard errors.
TEST(Generator, RandomMoments) {
  constexpr int64_t kDraws = 100000;
  struct Case {
    std::string_view op;
    ops::Attributes attributes;
    std::vector<std::optional<Tensor>> inputs;
    double mean, deviation;
  };
  Tensor probabilities = Tensor::zeros(DType::kFloat32, {Dim(kDraws)}).value();
  for (int64_t i = 0; i < kDraws; ++i) probabilities.mutable_as<float>()[i] = 0.25f;
  const Case cases[] = {
      {"RandomUniform",
       attributes({{"shape", ints({kDraws})}, {"low", -1.0f}, {"high", 3.0f}, {"seed", 1.0f}}),
       {},
       1,
       4 / std::sqrt(12.0)},
      {"RandomNormal", attributes({{"shape", ints({kDraws})}, {"mean", 2.0f}, {"scale", 0.5f}, {"seed", 2.0f}}), {}, 2, 0.5},
      {"Bernoulli", attributes({{"seed", 3.0f}}), {probabilities}, 0.25, std::sqrt(0.25 * 0.75)},
      // Classes 0, 1, 2 with probabilities 1/2, 1/4, 1/4.
      {"Multinomial",
       attributes({{"sample_size", kDraws}, {"seed", 4.0f}}),
       {f32({1, 3}, {std::log(2.0), 0, 0})},
       0.75,
       std::sqrt(11.0 / 16)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.op);
    const auto outputs = run_op({c.op, c.attributes, c.inputs});
    ASSERT_TRUE(outputs.ok()) << outputs.error().message();
    const Tensor& draws = outputs.value()[0];
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < kDraws; ++i) {
      const double x = element_as_double(draws.dtype(), draws.data(), i);
      sum += x;
      squares += x * x;
    }
    const double mean = sum / kDraws, deviation = std::sqrt(squares / kDraws - mean * mean);
    EXPECT_NEAR(mean, c.mean, 8 * c.deviation / std::sqrt(kDraws));
    EXPECT_NEAR(deviation, c.deviation, 0.03 * c.deviation);
  }
}

TEST(Generator, SeedsDecide) {
  const auto draw = [](float seed) {
    return run_op({"RandomNormal", attributes({{"shape", ints({64})}, {"seed", seed}})}).value()[0];
  };
  expect_near(draw(5), draw(5), 0);
  EXPECT_NE(at(draw(5), 0), at(draw(6), 0));
  // Without a seed the two runs of the runner draw different numbers.
  EXPECT_FALSE(run_op({"RandomUniform", attributes({{"shape", ints({64})}})}).ok());
}

}  // namespace
}  // namespace tercel::kernels
