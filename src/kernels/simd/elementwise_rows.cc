#include <limits>

#include "kernels/simd/elementwise_kernel.h"
#include "kernels/simd/rows.h"

namespace tercel::kernels::simd {

namespace {

using Code = ops::ElementwiseCode;
using Program = ops::ElementwiseProgram;
constexpr int16_t result(int i) { return static_cast<int16_t>(ops::kFirstResult + i); }
constexpr int16_t constant(int i) { return static_cast<int16_t>(ops::kFirstConstant + i); }

Result<Program> fused_program(const StepContext& context) {
  return ops::elementwise_program_of(context.attributes, static_cast<int>(context.inputs.size()));
}

// One instruction that reads inputs 0, 1, ...
template <Code kCode>
Result<Program> plain_program(const StepContext&) {
  return Program{{{kCode, 0, 1, 2}}, {}};
}

// Input 0 combined with 1, the result with 2, and so on.
template <Code kCode>
Program fold(size_t inputs) {
  Program program{{{kCode, 0, 1}}, {}};
  for (size_t i = 2; i < inputs; ++i)
    program.instructions.push_back({kCode, result(static_cast<int>(i) - 2), static_cast<int16_t>(i)});
  return program;
}

template <Code kCode>
Result<Program> variadic_program(const StepContext& context) {
  if (context.inputs.size() == 1) return Program{{{kCode, 0, 0}}, {}};  // Max and Min of itself
  return fold<kCode>(context.inputs.size());
}

Result<Program> sum_program(const StepContext& context) {
  if (context.inputs.size() == 1) return Program{{{Code::kMultiply, 0, constant(0)}}, {1.0f}};
  return fold<Code::kAdd>(context.inputs.size());
}

Result<Program> mean_program(const StepContext& context) {
  Program program = TRY(sum_program(context));
  const auto sum = result(static_cast<int>(program.instructions.size()) - 1);
  program.instructions.push_back({Code::kDivide, sum, constant(static_cast<int>(program.constants.size()))});
  program.constants.push_back(static_cast<float>(context.inputs.size()));
  return program;
}

Result<Program> clip_program(const StepContext& context) {
  Program program{{{Code::kClip, 0, 1, 2}}, {}};
  const auto use_constant = [&](int16_t& operand, float value) {
    operand = constant(static_cast<int>(program.constants.size()));
    program.constants.push_back(value);
  };
  if (!context.has(1)) use_constant(program.instructions[0].b, -std::numeric_limits<float>::infinity());
  if (!context.has(2)) use_constant(program.instructions[0].c, std::numeric_limits<float>::infinity());
  return program;
}

Result<Program> leaky_relu_program(const StepContext& context) {
  return Program{{{Code::kLeakyRelu, 0, constant(0)}}, {context.attributes.get_float("alpha", 0.01f)}};
}

Result<Program> hard_sigmoid_program(const StepContext& context) {
  const auto& attributes = context.attributes;
  return Program{{{Code::kHardSigmoid, 0, constant(0), constant(1)}},
                 {attributes.get_float("alpha", 0.2f), attributes.get_float("beta", 0.5f)}};
}

Result<Program> gelu_program(const StepContext& context) {
  const bool tanh_form = context.attributes.get_string("approximate", "none") == "tanh";
  return Program{{{tanh_form ? Code::kGeluTanh : Code::kGelu, 0}}, {}};
}

Result<Program> swish_program(const StepContext& context) {
  const float alpha = context.attributes.get_float("alpha", 1.0f);
  if (alpha == 1.0f) return Program{{{Code::kSilu, 0}}, {}};
  return Program{{{Code::kMultiply, 0, constant(0)}, {Code::kSigmoid, result(0)}, {Code::kMultiply, 0, result(1)}}, {alpha}};
}

Result<Program> mish_program(const StepContext&) {
  return Program{{{Code::kSoftplus, 0}, {Code::kTanh, result(0)}, {Code::kMultiply, 0, result(1)}}, {}};
}

Result<Program> softsign_program(const StepContext&) {
  return Program{{{Code::kAbs, 0}, {Code::kAdd, result(0), constant(0)}, {Code::kDivide, 0, result(1)}}, {1.0f}};
}

template <auto kProgram>
Result<Kernel> bind(const StepContext& context) {
  return bind_elementwise(context, TRY(kProgram(context)));
}

template <auto kProgram>
constexpr KernelRow row(std::string_view op, std::string_view name) {
  return {.op = op,
          .name = name,
          .needs = platform::kPortable,
          .accepts = elementwise_refusal,
          .bind = bind<kProgram>,
          .in_place = true};
}

constexpr KernelRow kRows[] = {
    row<fused_program>("tercel.FusedElementwise", "fused-elementwise/simd"),
    row<plain_program<Code::kAdd>>("Add", "add/simd"),
    row<plain_program<Code::kSubtract>>("Sub", "sub/simd"),
    row<plain_program<Code::kMultiply>>("Mul", "mul/simd"),
    row<plain_program<Code::kDivide>>("Div", "div/simd"),
    row<plain_program<Code::kPow>>("Pow", "pow/simd"),
    row<plain_program<Code::kLeakyRelu>>("PRelu", "prelu/simd"),
    row<variadic_program<Code::kMin>>("Min", "min/simd"),
    row<variadic_program<Code::kMax>>("Max", "max/simd"),
    row<sum_program>("Sum", "sum/simd"),
    row<mean_program>("Mean", "mean/simd"),
    row<plain_program<Code::kNegate>>("Neg", "neg/simd"),
    row<plain_program<Code::kAbs>>("Abs", "abs/simd"),
    row<plain_program<Code::kExp>>("Exp", "exp/simd"),
    row<plain_program<Code::kLog>>("Log", "log/simd"),
    row<plain_program<Code::kSqrt>>("Sqrt", "sqrt/simd"),
    row<plain_program<Code::kReciprocal>>("Reciprocal", "reciprocal/simd"),
    row<plain_program<Code::kTanh>>("Tanh", "tanh/simd"),
    row<plain_program<Code::kSigmoid>>("Sigmoid", "sigmoid/simd"),
    row<plain_program<Code::kErf>>("Erf", "erf/simd"),
    row<plain_program<Code::kRelu>>("Relu", "relu/simd"),
    row<plain_program<Code::kFloor>>("Floor", "floor/simd"),
    row<plain_program<Code::kCeil>>("Ceil", "ceil/simd"),
    row<plain_program<Code::kRound>>("Round", "round/simd"),
    row<plain_program<Code::kSin>>("Sin", "sin/simd"),
    row<plain_program<Code::kCos>>("Cos", "cos/simd"),
    row<plain_program<Code::kSoftplus>>("Softplus", "softplus/simd"),
    row<plain_program<Code::kHardSwish>>("HardSwish", "hard-swish/simd"),
    row<clip_program>("Clip", "clip/simd"),
    row<leaky_relu_program>("LeakyRelu", "leaky-relu/simd"),
    row<hard_sigmoid_program>("HardSigmoid", "hard-sigmoid/simd"),
    row<gelu_program>("Gelu", "gelu/simd"),
    row<swish_program>("Swish", "swish/simd"),
    row<mish_program>("Mish", "mish/simd"),
    row<softsign_program>("Softsign", "softsign/simd"),
};

}  // namespace

std::span<const KernelRow> elementwise_rows() { return kRows; }

}  // namespace tercel::kernels::simd
