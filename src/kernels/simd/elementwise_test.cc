#include <gtest/gtest.h>

#include <cmath>

#include "kernels/simd/row_check.h"
#include "ops/elementwise_program.h"

namespace tercel::kernels::simd {
namespace {

using Code = ops::ElementwiseCode;
using Instruction = ops::ElementwiseInstruction;

// The program in double, element by element, over numpy broadcasting.
double operand_value(const std::vector<double>& inputs, const std::vector<double>& results, const std::vector<float>& constants,
                     int16_t code) {
  if (code >= ops::kFirstConstant) return static_cast<double>(constants[static_cast<size_t>(code - ops::kFirstConstant)]);
  if (code >= ops::kFirstResult) return results[static_cast<size_t>(code - ops::kFirstResult)];
  return inputs[static_cast<size_t>(code)];
}

double apply(Code code, double a, double b, double c) {
  switch (code) {
    case Code::kAdd: return a + b;
    case Code::kSubtract: return a - b;
    case Code::kMultiply: return a * b;
    case Code::kDivide: return a / b;
    case Code::kMin: return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
    case Code::kMax: return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
    case Code::kPow: return std::pow(a, b);
    case Code::kNegate: return -a;
    case Code::kAbs: return std::fabs(a);
    case Code::kExp: return std::exp(a);
    case Code::kLog: return std::log(a);
    case Code::kSqrt: return std::sqrt(a);
    case Code::kReciprocal: return 1 / a;
    case Code::kTanh: return std::tanh(a);
    case Code::kSigmoid: return 1 / (1 + std::exp(-a));
    case Code::kErf: return std::erf(a);
    case Code::kRelu: return a < 0 ? 0 : a;
    case Code::kFloor: return std::floor(a);
    case Code::kCeil: return std::ceil(a);
    case Code::kRound: return std::nearbyint(a);
    case Code::kSin: return std::sin(a);
    case Code::kCos: return std::cos(a);
    case Code::kSoftplus: return std::max(a, 0.0) + std::log1p(std::exp(-std::fabs(a)));
    case Code::kSilu: return a / (1 + std::exp(-a));
    case Code::kGelu: return 0.5 * a * (1 + std::erf(a / std::sqrt(2.0)));
    case Code::kGeluTanh: return 0.5 * a * (1 + std::tanh(std::sqrt(2 / M_PI) * (a + 0.044715 * a * a * a)));
    case Code::kHardSwish: return a * std::clamp(a / 6 + 0.5, 0.0, 1.0);
    case Code::kClip: return std::min(std::max(a, b), c);
    case Code::kMultiplyAdd: return a * b + c;
    case Code::kLeakyRelu: return a < 0 ? a * b : a;
    case Code::kHardSigmoid: return std::clamp(a * b + c, 0.0, 1.0);
  }
  return 0;
}

int64_t broadcast_index(const Shape& from, const Shape& to, int64_t flat) {
  int64_t index = 0, stride = 1;
  for (int dim = to.rank() - 1; dim >= 0; --dim) {
    const int64_t at = flat % to.size(dim);
    flat /= to.size(dim);
    const int own = dim - to.rank() + from.rank();
    if (own < 0) continue;
    if (from.size(own) > 1) index += at * stride;
    stride *= from.size(own);
  }
  return index;
}

Tensor evaluate(const ops::ElementwiseProgram& program, const std::vector<std::optional<Tensor>>& inputs, const Shape& shape) {
  Tensor out = Tensor::zeros(DType::kFloat32, shape).value();
  for (int64_t i = 0; i < out.elements(); ++i) {
    std::vector<double> values, results;
    for (const auto& input : inputs)
      values.push_back(static_cast<double>(input->as<float>()[broadcast_index(input->shape(), shape, i)]));
    for (const Instruction& step : program.instructions) {
      const int arity = ops::operand_count(step.code);
      const double a = operand_value(values, results, program.constants, step.a);
      const double b = arity > 1 ? operand_value(values, results, program.constants, step.b) : 0;
      const double c = arity > 2 ? operand_value(values, results, program.constants, step.c) : 0;
      results.push_back(apply(step.code, a, b, c));
    }
    out.mutable_as<float>()[i] = static_cast<float>(results.back());
  }
  return out;
}

void expect_program(const ops::ElementwiseProgram& program, std::vector<std::optional<Tensor>> inputs,
                    Tolerance tolerance = {2e-6, 1e-6}) {
  OpCase c{.op = "tercel.FusedElementwise", .inputs = std::move(inputs)};
  ops::set_elementwise_program(c.attributes, program);
  const auto types = infer_op(c);
  ASSERT_TRUE(types.ok()) << types.error().message();
  expect_outputs("fused-elementwise/simd", c, {evaluate(program, c.inputs, (*types)[0].shape)}, tolerance);
}

constexpr int16_t r(int i) { return static_cast<int16_t>(ops::kFirstResult + i); }
constexpr int16_t k(int i) { return static_cast<int16_t>(ops::kFirstConstant + i); }

TEST(FusedElementwise, ComputesEveryCodeOnEveryKindOfOperand) {
  std::mt19937 random(test_seed());
  for (int code = 0; code <= static_cast<int>(Code::kHardSigmoid); ++code) {
    const auto c = static_cast<Code>(code);
    const bool positive = c == Code::kPow || c == Code::kLog || c == Code::kSqrt || c == Code::kDivide || c == Code::kReciprocal;
    const float low = positive ? 0.25f : -3, high = c == Code::kClip ? 0 : 3;
    for (const int64_t n : {1, 3, 16, 61, 2500}) {
      const Tensor a = random_floats(random, {n}, low, 3), b = random_floats(random, {n}, low, high),
                   s = random_floats(random, {1}, low, high);
      for (unsigned kinds = 0; kinds < 1u << ops::operand_count(c); ++kinds)
        expect_program(
            {{{c, 0, 1, 2}}, {}},
            {kinds & 1 ? s : a, kinds & 2 ? s : b, kinds & 4 ? s : (c == Code::kClip ? random_floats(random, {n}, 0, 3) : b)},
            {4e-6, 2e-6});
    }
  }
}

TEST(FusedElementwise, BroadcastsEveryPatternOfInputs) {
  std::mt19937 random(test_seed());
  const std::vector<std::vector<Shape>> cases = {
      {{5, 7}, {7}, {5, 1}},                         // short rows
      {{4, 3, 100}, {3, 1}, {1}},                    // per channel, channels first
      {{2, 6, 5, 3}, {3}, {2, 1, 1, 3}},             // per channel, channels last
      {{2, 1, 6, 1}, {1, 5, 1, 70}, {2, 5, 6, 70}},  // nothing merges
      {{900, 24}, {24}, {900, 24}},                  // a repeating bias
      {{33, 24}, {24}, {33, 1}},                     // a bias and a column
      {{3, 1200}, {1200}, {3, 1}},                   // long rows
      {{1}, {1}, {1}},
      {{}, {}, {}},
      {{0, 4}, {4}, {1, 1}},  // a number, and nothing
      {{2, 3, 4, 5}, {3, 1, 5}, {4, 1}},
      {{7, 2}, {2}, {7, 1}},
      {{64, 1}, {1, 65}, {64, 65}},
  };
  const ops::ElementwiseProgram program{
      {{Code::kMultiply, 0, 1}, {Code::kAdd, r(0), 2}, {Code::kSigmoid, r(1)}, {Code::kMultiplyAdd, r(1), r(2), k(0)}}, {0.75f}};
  for (const auto& shapes : cases) {
    SCOPED_TRACE(to_string(shapes[0]) + " " + to_string(shapes[1]) + " " + to_string(shapes[2]));
    for (const auto& order : {std::array{0, 1, 2}, std::array{2, 0, 1}, std::array{1, 2, 0}})
      expect_program(program, {random_floats(random, shapes[static_cast<size_t>(order[0])]),
                               random_floats(random, shapes[static_cast<size_t>(order[1])]),
                               random_floats(random, shapes[static_cast<size_t>(order[2])])});
  }
}

TEST(FusedElementwise, RunsRandomPrograms) {
  std::mt19937 random(test_seed());
  constexpr Code kSafe[] = {Code::kAdd,  Code::kSubtract, Code::kMax, Code::kMin, Code::kTanh,      Code::kRelu,
                            Code::kClip, Code::kSigmoid,  Code::kErf, Code::kAbs, Code::kLeakyRelu, Code::kHardSigmoid};
  for (int round = 0; round < 60; ++round) {
    ops::ElementwiseProgram program{{}, {0.5f, -0.25f}};
    const int length = 1 + static_cast<int>(random() % ops::kProgramInstructionsMax);
    const auto operand = [&](int i) {
      const auto pick = random() % 4;
      if (pick == 0) return k(static_cast<int>(random() % 2));
      if (pick == 1 || i == 0) return static_cast<int16_t>(random() % 3);
      return r(static_cast<int>(random() % static_cast<unsigned>(i)));
    };
    for (int i = 0; i < length; ++i) {
      const Code code = kSafe[random() % std::size(kSafe)];
      program.instructions.push_back({code, operand(i), operand(i), operand(i)});
    }
    const int64_t n = 1 + static_cast<int64_t>(random() % 90), m = 1 + static_cast<int64_t>(random() % 90);
    expect_program(program, {random_floats(random, {n, m}), random_floats(random, {m}), random_floats(random, {n, 1})},
                   {1e-5, 2e-4});
  }
}

TEST(FusedElementwise, CutsLongWorkWithoutChangingBits) {
  std::mt19937 random(test_seed());
  const ops::ElementwiseProgram program{{{Code::kExp, 0}, {Code::kMultiply, r(0), 1}, {Code::kTanh, r(1)}}, {}};
  expect_program(program, {random_floats(random, {3, 50021}), random_floats(random, {3, 1})});
  expect_program(program, {random_floats(random, {3000, 48}), random_floats(random, {48})});
  expect_program(program, {random_floats(random, {3, 700, 70}), random_floats(random, {3, 1, 70})});
}

TEST(Elementwise, MatchesTheReferenceOnOddNumbers) {
  std::mt19937 random(test_seed());
  const Shape shape{3, 41};
  for (const auto& [row, op] : std::initializer_list<std::pair<const char*, const char*>>{{"relu/simd", "Relu"},
                                                                                          {"sigmoid/simd", "Sigmoid"},
                                                                                          {"tanh/simd", "Tanh"},
                                                                                          {"exp/simd", "Exp"},
                                                                                          {"log/simd", "Log"},
                                                                                          {"sqrt/simd", "Sqrt"},
                                                                                          {"neg/simd", "Neg"},
                                                                                          {"abs/simd", "Abs"},
                                                                                          {"erf/simd", "Erf"},
                                                                                          {"reciprocal/simd", "Reciprocal"},
                                                                                          {"floor/simd", "Floor"},
                                                                                          {"ceil/simd", "Ceil"},
                                                                                          {"round/simd", "Round"},
                                                                                          {"softplus/simd", "Softplus"},
                                                                                          {"hard-swish/simd", "HardSwish"},
                                                                                          {"leaky-relu/simd", "LeakyRelu"},
                                                                                          {"hard-sigmoid/simd", "HardSigmoid"},
                                                                                          {"sin/simd", "Sin"},
                                                                                          {"cos/simd", "Cos"}}) {
    expect_like_reference(row, {.op = op, .inputs = {odd_floats(random, shape)}}, {2e-6, 1e-6});
  }
  for (const auto& [row, op] : std::initializer_list<std::pair<const char*, const char*>>{{"add/simd", "Add"},
                                                                                          {"sub/simd", "Sub"},
                                                                                          {"mul/simd", "Mul"},
                                                                                          {"div/simd", "Div"},
                                                                                          {"min/simd", "Min"},
                                                                                          {"max/simd", "Max"},
                                                                                          {"prelu/simd", "PRelu"}}) {
    for (const Shape& other : {Shape{3, 41}, Shape{41}, Shape{3, 1}, Shape{1}})
      expect_like_reference(row, {.op = op, .inputs = {odd_floats(random, shape), odd_floats(random, other)}});
  }
}

OpCase with(const char* op, std::vector<std::optional<Tensor>> inputs,
            std::initializer_list<std::pair<const char*, float>> numbers = {}) {
  OpCase c{.op = op, .inputs = std::move(inputs)};
  for (const auto& [name, value] : numbers) c.attributes.set(name, value);
  return c;
}

TEST(Elementwise, ReadsAttributesAndOptionalInputs) {
  std::mt19937 random(test_seed());
  const Tensor x = random_floats(random, {7, 13}), y = random_floats(random, {13}), low = floats({}, {-0.5f}),
               high = floats({1}, {1.25f});
  expect_like_reference("clip/simd", with("Clip", {x, low, high}));
  expect_like_reference("clip/simd", with("Clip", {x, std::nullopt, high}));
  expect_like_reference("clip/simd", with("Clip", {x, low}));
  expect_like_reference("clip/simd", with("Clip", {odd_floats(random, {40})}));
  expect_like_reference("clip/simd", with("Clip", {floats({}, {3}), floats({1}, {0}), floats({1}, {2})}));
  expect_like_reference("leaky-relu/simd", with("LeakyRelu", {x}, {{"alpha", 0.3f}}));
  expect_like_reference("hard-sigmoid/simd", with("HardSigmoid", {x}, {{"alpha", 0.3f}, {"beta", 0.6f}}));
  expect_like_reference("swish/simd", with("Swish", {x}));
  expect_like_reference("swish/simd", with("Swish", {x}, {{"alpha", 1.5f}}));
  expect_like_reference("mish/simd", with("Mish", {x}));
  expect_like_reference("softsign/simd", with("Softsign", {x}));
  expect_like_reference("gelu/simd", with("Gelu", {x}));
  OpCase tanh_gelu = with("Gelu", {x});
  tanh_gelu.attributes.set("approximate", std::string("tanh"));
  expect_like_reference("gelu/simd", tanh_gelu);
  expect_like_reference("sum/simd", with("Sum", {x}));
  expect_like_reference("sum/simd", with("Sum", {x, y, low, x}));
  expect_like_reference("mean/simd", with("Mean", {x, y, low}));
  expect_like_reference("max/simd", with("Max", {x, y, low}));
  expect_like_reference("min/simd", with("Min", {odd_floats(random, {50})}));
  for (const float exponent : {2.0f, 3.0f, -1.0f, 0.5f, 0.0f, 1.7f})
    expect_like_reference("pow/simd", with("Pow", {random_floats(random, {33}, 0.1f, 4), floats({}, {exponent})}));
}

TEST(Elementwise, RefusesOtherTypesWithASentence) {
  const Tensor x = Tensor::zeros(DType::kFloat64, {4}).value();
  EXPECT_EQ(refusal_of_row("add/simd", {.op = "Add", .inputs = {x, x}}), "wants float32 inputs, not float64");
}

}  // namespace
}  // namespace tercel::kernels::simd
