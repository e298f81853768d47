#include "kernels/x86/row_check.h"
#include "ops/activation.h"

namespace tercel::kernels::x86 {
namespace {

constexpr ops::ActivationKind kAllActivations[] = {
    ops::ActivationKind::kNone,        ops::ActivationKind::kRelu, ops::ActivationKind::kClip,    ops::ActivationKind::kLeakyRelu,
    ops::ActivationKind::kSigmoid,     ops::ActivationKind::kTanh, ops::ActivationKind::kSilu,    ops::ActivationKind::kHardSwish,
    ops::ActivationKind::kHardSigmoid, ops::ActivationKind::kGelu, ops::ActivationKind::kGeluTanh};

struct DenseCase {
  int64_t m, k, n;
  bool trans = false, bias = true, residual = false;
  ops::Activation activation{};
};

Step dense_step(const DenseCase& c, std::mt19937_64& random, float range = 1) {
  Step step{"tercel.Dense", {}, {}, Shape{c.m, c.n}};
  step.attributes.set("transB", int64_t{c.trans});
  ops::set_activation(step.attributes, c.activation);
  step.inputs.push_back(random_floats({c.m, c.k}, random, -range, range));
  step.inputs.push_back(random_floats(c.trans ? Shape{c.n, c.k} : Shape{c.k, c.n}, random));
  step.inputs.push_back(c.bias ? std::optional(random_floats({c.n}, random)) : std::nullopt);
  step.inputs.push_back(c.residual ? std::optional(random_floats({c.m, c.n}, random)) : std::nullopt);
  return step;
}

Expected dense_expected(const DenseCase& c, const Step& step) {
  Expected e;
  const Floats &x = *step.inputs[0], &w = *step.inputs[1];
  for (int64_t m = 0; m < c.m; ++m)
    for (int64_t n = 0; n < c.n; ++n) {
      const double bias = c.bias ? double((*step.inputs[2])[n]) : 0,
                   residual = c.residual ? double((*step.inputs[3])[m * c.n + n]) : 0;
      double sum = bias + residual, magnitude = std::abs(bias) + std::abs(residual);
      for (int64_t k = 0; k < c.k; ++k) {
        const double term = double(x[m * c.k + k]) * double(w[c.trans ? n * c.k + k : k * c.n + n]);
        sum += term;
        magnitude += std::abs(term);
      }
      e.value.push_back(ops::apply(c.activation, sum));
      e.magnitude.push_back(magnitude);
    }
  return e;
}

std::string describe(const DenseCase& c) {
  return std::to_string(c.m) + "x" + std::to_string(c.k) + "x" + std::to_string(c.n) + (c.trans ? " trans " : " ") +
         std::string(ops::activation_name(c.activation.kind));
}

TEST(Dense, RandomShapes) {
  std::mt19937_64 random(fresh_seed());
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  for (int i = 0; i < 150; ++i) {
    DenseCase c{below(40), 1 + below(i % 10 == 0 ? 2000 : 120), 1 + below(i % 7 == 0 ? 400 : 90)};
    c.trans = below(2), c.bias = below(3) > 0, c.residual = below(3) == 0;
    const Step step = dense_step(c, random);
    EXPECT_GE(check_rows(step, dense_expected(c, step), describe(c)), 1);
  }
}

TEST(Dense, ShapesThatAreCut) {
  std::mt19937_64 random(fresh_seed() + 1);
  const DenseCase cases[] = {{128, 384, 192}, {1, 3000, 500}, {64, 1024, 96}, {130, 2048, 65}, {12, 1537, 333},
                             {1000, 40, 40},  {1, 100, 128},  {1, 128, 10},   {500, 1600, 40}};
  for (const DenseCase& c : cases) {
    const Step step = dense_step(c, random);
    EXPECT_GE(check_rows(step, dense_expected(c, step), describe(c)), 1);
  }
}

TEST(Dense, EveryActivation) {
  std::mt19937_64 random(fresh_seed() + 2);
  for (const ops::ActivationKind kind : kAllActivations)
    for (const float range : {0.05f, 1.0f, 20.0f})
      for (const int64_t n : {5, 64, 75}) {
        DenseCase c{14,
                    9,
                    n,
                    false,
                    true,
                    true,
                    {kind, kind == ops::ActivationKind::kClip ? -0.5f : 0.2f, kind == ops::ActivationKind::kClip ? 0.75f : 0.5f}};
        const Step step = dense_step(c, random, range);
        EXPECT_GE(check_rows(step, dense_expected(c, step), describe(c)), 1);
      }
}

TEST(Dense, NanAndInfinityPass) {
  std::mt19937_64 random(fresh_seed() + 3);
  for (const ops::ActivationKind kind : kAllActivations) {
    DenseCase c{13, 33, 41, false, true, false, {kind, 0.25f, 0.5f}};
    Step step = dense_step(c, random);
    for (int64_t k = 0; k < 33; k += 11) (*step.inputs[0])[5 * 33 + k] = std::nanf("");
    if (kind <= ops::ActivationKind::kLeakyRelu) (*step.inputs[0])[7 * 33 + 2] = INFINITY;
    EXPECT_GE(check_rows(step, dense_expected(c, step), describe(c)), 1);
  }
}

TEST(Dense, DenormalsAreHarmless) {
  std::mt19937_64 random(fresh_seed() + 4);
  const DenseCase c{7, 50, 50};
  Step step = dense_step(c, random);
  for (int64_t i = 0; i < step.inputs[0]->size(); i += 3) (*step.inputs[0])[i] = 1e-41f;
  const Expected want = dense_expected(c, step);
  EXPECT_GE(check_rows(step, want, describe(c)), 1);
  const platform::ScopedFlushDenormals flush;
  EXPECT_GE(check_rows(step, want, describe(c)), 1);
}

TEST(Dense, EmptyAndRankOneInputs) {
  std::mt19937_64 random(fresh_seed() + 5);
  for (const DenseCase& c : {DenseCase{0, 8, 8}, DenseCase{3, 0, 8}, DenseCase{3, 8, 0}}) {
    const Step step = dense_step(c, random);
    EXPECT_GE(check_rows(step, dense_expected(c, step), describe(c)), 1);
  }
}

TEST(Dense, RefusesWhatItCannot) {
  std::mt19937_64 random(fresh_seed() + 6);
  Step step = dense_step({4, 8, 8}, random);
  step.constant_weight = false;
  for (const KernelRow* row : own_rows("tercel.Dense")) {
    const Refusal refusal = BoundStep(step, *row, 1).refusal();
    EXPECT_TRUE(refusal == "wants a constant weight" || refusal.starts_with("needs ")) << refusal;
  }
}

}  // namespace
}  // namespace tercel::kernels::x86
