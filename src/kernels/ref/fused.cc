#include "ops/fused.h"

#include <cmath>

#include "kernels/families.h"
#include "kernels/ref/heads.h"
#include "kernels/ref/matrix_binds.h"
#include "kernels/ref/pointwise.h"
#include "kernels/ref/reduction_binds.h"
#include "kernels/ref/rows.h"
#include "kernels/ref/visit_float.h"
#include "ops/activation.h"
#include "ops/elementwise_program.h"

namespace tercel::kernels {

namespace {

using ops::ActivationKind;
using ops::ElementwiseCode;

double activate(ActivationKind kind, double x, double alpha = 0, double beta = 0) {
  return std::isnan(x) ? x : ops::apply({kind, static_cast<float>(alpha), static_cast<float>(beta)}, x);
}

double pick(bool first, double a, double b) { return std::isnan(a) ? a : std::isnan(b) ? b : first ? a : b; }

double evaluate(ElementwiseCode code, double a, double b, double c) {
  using enum ElementwiseCode;
  switch (code) {
    case kAdd: return a + b;
    case kSubtract: return a - b;
    case kMultiply: return a * b;
    case kDivide: return a / b;
    case kMin: return pick(a < b, a, b);
    case kMax: return pick(a > b, a, b);
    case kPow: return std::pow(a, b);
    case kNegate: return -a;
    case kAbs: return std::fabs(a);
    case kExp: return std::exp(a);
    case kLog: return std::log(a);
    case kSqrt: return std::sqrt(a);
    case kReciprocal: return 1 / a;
    case kTanh: return std::tanh(a);
    case kSigmoid: return activate(ActivationKind::kSigmoid, a);
    case kErf: return std::erf(a);
    case kRelu: return activate(ActivationKind::kRelu, a);
    case kFloor: return std::floor(a);
    case kCeil: return std::ceil(a);
    case kRound: return std::nearbyint(a);
    case kSin: return std::sin(a);
    case kCos: return std::cos(a);
    case kSoftplus: return std::isnan(a) ? a : std::fmax(a, 0) + std::log1p(std::exp(-std::fabs(a)));
    case kSilu: return activate(ActivationKind::kSilu, a);
    case kGelu: return activate(ActivationKind::kGelu, a);
    case kGeluTanh: return activate(ActivationKind::kGeluTanh, a);
    case kHardSwish: return activate(ActivationKind::kHardSwish, a);
    case kClip: {
      const double raised = a < b ? b : a;
      return raised > c ? c : raised;
    }
    case kMultiplyAdd: return a * b + c;
    case kLeakyRelu: return a < 0 ? a * b : a;
    case kHardSigmoid: return activate(ActivationKind::kHardSigmoid, a, b, c);
  }
  return 0;
}

// Elements of one block of all values of a program: inputs and results, then constants are read one by one.
constexpr int64_t kProgramBlock = 32;

Result<Kernel> bind_fused_elementwise(const StepContext& c) {
  const size_t inputs = c.inputs.size();
  const ops::ElementwiseProgram program = TRY(ops::elementwise_program_of(c.attributes, static_cast<int>(inputs)));
  return Kernel([program, inputs, plan = BroadcastPlan(c.out().shape, input_shapes(c, inputs))](const Buffers& buffers) {
    double in[ops::kProgramInputsMax][kProgramBlock], results[ops::kProgramInstructionsMax][kProgramBlock];
    const auto operand = [&](int at, int64_t i) {
      if (at >= ops::kFirstConstant) return static_cast<double>(program.constants[static_cast<size_t>(at - ops::kFirstConstant)]);
      return at >= ops::kFirstResult ? results[at - ops::kFirstResult][i] : in[at][i];
    };
    plan.for_each_run(kProgramBlock, [&](int64_t start, int64_t n) {
      for (size_t k = 0; k < inputs; ++k)
        load_wide(DType::kFloat32, buffers.inputs[k], plan.offset(k, start), plan.step(k), n, in[k]);
      for (size_t k = 0; k < program.instructions.size(); ++k) {
        const auto [code, a, b, d] = program.instructions[k];
        const int operands = ops::operand_count(code);
        for (int64_t i = 0; i < n; ++i)
          results[k][i] = evaluate(code, operand(a, i), operands > 1 ? operand(b, i) : 0, operands > 2 ? operand(d, i) : 0);
      }
      store_wide(DType::kFloat32, buffers.outputs[0], start, 1, n, results[program.instructions.size() - 1]);
    });
  });
}

struct AttentionSizes {
  int64_t batches, heads, queries, keys, columns, value_columns;
};

template <typename T>
Kernel attention_kernel(const StepContext& c, const AttentionSizes& s, double scale) {
  const Shape mask_shape = c.has(3) ? c.in(3).shape : Shape{};
  const Shape score_shape{s.batches, s.heads, s.queries, s.keys};
  const BroadcastPlan mask_plan(score_shape, std::span(&mask_shape, 1));
  const Heads q = Heads::packed(s.queries, s.heads, s.columns), k = Heads::packed(s.keys, s.heads, s.columns),
              v = Heads::packed(s.keys, s.heads, s.value_columns), out = Heads::packed(s.queries, s.heads, s.value_columns);
  const auto run = [=, has_mask = c.has(3)](const Buffers& buffers) {
    auto* scores = reinterpret_cast<double*>(buffers.scratch);
    for (int64_t row = 0; row < s.batches * s.heads * s.queries; ++row) {
      const int64_t i = row % s.queries, head = row / s.queries % s.heads, batch = row / (s.queries * s.heads);
      for (int64_t j = 0; j < s.keys; ++j) {
        scores[j] = scale * dot(buffers.in<T>(0) + q.at(batch, head, i), buffers.in<T>(1) + k.at(batch, head, j), s.columns);
        if (has_mask) scores[j] += convert<double>(buffers.in<T>(3)[mask_plan.offset(0, row * s.keys + j)]);
      }
      softmax_in_place(scores, s.keys);
      for (int64_t column = 0; column < s.value_columns; ++column) {
        double sum = 0;
        for (int64_t j = 0; j < s.keys; ++j) sum += scores[j] * convert<double>(buffers.in<T>(2)[v.at(batch, head, j) + column]);
        buffers.out<T>()[out.at(batch, head, i) + column] = convert<T>(sum);
      }
    }
  };
  return Kernel(run, static_cast<size_t>(s.keys) * sizeof(double));
}

Result<Kernel> bind_attention(const StepContext& c) {
  const Shape &q = c.in(0).shape, &v = c.in(2).shape;
  const int64_t heads = c.attributes.get_int("num_heads", 1);
  const AttentionSizes sizes{q.size(0), heads, q.size(1), v.size(1), q.size(2) / heads, v.size(2) / heads};
  const double scale = c.attributes.get_float("scale", 1);
  return visit_float(c.in(0).dtype, [&]<typename T>() { return attention_kernel<T>(c, sizes, scale); });
}

constexpr KernelRow row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&)) {
  return {op, name, platform::kPortable, nullptr, bind};
}

constexpr KernelRow kRows[] = {
    row("tercel.Dense", "tercel.dense/ref", bind_dense),
    row("tercel.MatMul", "tercel.matmul/ref", bind_scaled_matmul),
    row("tercel.Attention", "tercel.attention/ref", bind_attention),
    pointwise_row("tercel.FusedElementwise", "tercel.fusedelementwise/ref", bind_fused_elementwise),
    row("tercel.SkipLayerNormalization", "tercel.skiplayernormalization/ref", bind_skip_layer_normalization),
};

}  // namespace

std::span<const KernelRow> ref_fused_rows() { return kRows; }

}  // namespace tercel::kernels
