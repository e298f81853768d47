#include "passes/elementwise_codes.h"

#include <algorithm>
#include <limits>

namespace tercel::passes {

namespace {

using ops::ElementwiseCode;
using enum ops::ElementwiseCode;

struct Entry {
  std::string_view op;
  ElementwiseCode code;
};

// Operators whose inputs are the operands.
constexpr Entry kPlain[] = {
    {"Add", kAdd},
    {"Sub", kSubtract},
    {"Mul", kMultiply},
    {"Div", kDivide},
    {"Pow", kPow},
    {"Sum", kAdd},
    {"Min", kMin},
    {"Max", kMax},
    {"PRelu", kLeakyRelu},
    {"Neg", kNegate},
    {"Abs", kAbs},
    {"Exp", kExp},
    {"Log", kLog},
    {"Sqrt", kSqrt},
    {"Tanh", kTanh},
    {"Sigmoid", kSigmoid},
    {"Reciprocal", kReciprocal},
    {"Erf", kErf},
    {"Relu", kRelu},
    {"Floor", kFloor},
    {"Ceil", kCeil},
    {"Round", kRound},
    {"Sin", kSin},
    {"Cos", kCos},
    {"Softplus", kSoftplus},
    {"HardSwish", kHardSwish},
};

std::optional<ElementwiseStep> special(const Editor& e, const Node& node) {
  const auto& a = node.attributes;
  const ElementwiseOperand x{node.inputs[0]};
  const auto number = [](float v) { return ElementwiseOperand{kNoValue, v}; };
  if (node.is("Gelu")) return ElementwiseStep{a.get_string("approximate", "none") == "tanh" ? kGeluTanh : kGelu, {x}};
  if (node.is("Swish") && a.get_float("alpha", 1) == 1) return ElementwiseStep{kSilu, {x}};
  if (node.is("LeakyRelu")) return ElementwiseStep{kLeakyRelu, {x, number(a.get_float("alpha", 0.01f))}};
  if (node.is("HardSigmoid"))
    return ElementwiseStep{kHardSigmoid, {x, number(a.get_float("alpha", 0.2f)), number(a.get_float("beta", 0.5f))}};
  if (!node.is("Clip")) return std::nullopt;
  ElementwiseStep clip{kClip,
                       {x, number(-std::numeric_limits<float>::infinity()), number(std::numeric_limits<float>::infinity())}};
  for (size_t i : {size_t{1}, size_t{2}}) {
    if (!has_input(node, i)) continue;
    const auto bound = scalar_of(e, node.inputs[i]);
    if (!bound) return std::nullopt;
    clip.operands[i].number = static_cast<float>(*bound);
  }
  return clip;
}

}  // namespace

std::optional<ElementwiseStep> elementwise_step(const Editor& e, const Node& node) {
  if (node.inputs.empty() || node.outputs.size() != 1 || !is_float32(e, node.outputs[0]) || !is_float32(e, node.inputs[0]))
    return std::nullopt;
  const auto* entry = std::find_if(std::begin(kPlain), std::end(kPlain), [&](const Entry& plain) { return node.is(plain.op); });
  if (entry == std::end(kPlain)) return special(e, node);
  ElementwiseStep step{entry->code, {}};
  for (ValueId input : node.inputs) {
    const auto scalar = scalar_of(e, input);
    if (!scalar && !is_float32(e, input)) return std::nullopt;
    step.operands.push_back(scalar ? ElementwiseOperand{kNoValue, static_cast<float>(*scalar)} : ElementwiseOperand{input});
  }
  const auto wanted = static_cast<size_t>(ops::operand_count(step.code));
  const bool fits = wanted == 2 && !node.is("PRelu") ? step.operands.size() >= 2 : step.operands.size() == wanted;
  return fits ? std::optional(step) : std::nullopt;
}

}  // namespace tercel::passes
