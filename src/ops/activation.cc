#include "ops/activation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <string>

namespace tercel::ops {

namespace {

constexpr std::string_view kNames[] = {"",     "Relu",      "Clip",        "LeakyRelu", "Sigmoid", "Tanh",
                                       "Silu", "HardSwish", "HardSigmoid", "Gelu",      "GeluTanh"};

}  // namespace

std::optional<ActivationKind> activation_by_name(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (kNames[i] == name) return static_cast<ActivationKind>(i);
  return std::nullopt;
}

std::string_view activation_name(ActivationKind kind) { return kNames[static_cast<int>(kind)]; }

Result<Activation> activation_of(const Attributes& attributes) {
  const std::string_view name = attributes.get_string("activation", "");
  const auto kind = activation_by_name(name);
  if (!kind) return invalid("unknown activation '" + std::string(name) + "'");
  return Activation{*kind, attributes.get_float("activation_alpha", 0), attributes.get_float("activation_beta", 0)};
}

void set_activation(Attributes& attributes, const Activation& activation) {
  attributes.set("activation", std::string(activation_name(activation.kind)));
  attributes.set("activation_alpha", activation.alpha);
  attributes.set("activation_beta", activation.beta);
}

double apply(const Activation& a, double x) {
  switch (a.kind) {
    case ActivationKind::kNone: return x;
    case ActivationKind::kRelu: return x < 0 ? 0 : x;  // NaN stays NaN
    case ActivationKind::kClip: return x < a.alpha ? a.alpha : x > a.beta ? a.beta : x;
    case ActivationKind::kLeakyRelu: return x < 0 ? a.alpha * x : x;
    case ActivationKind::kSigmoid: return 1 / (1 + std::exp(-x));
    case ActivationKind::kTanh: return std::tanh(x);
    case ActivationKind::kSilu: return x / (1 + std::exp(-x));
    case ActivationKind::kHardSwish: return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
    case ActivationKind::kHardSigmoid: return std::clamp(static_cast<double>(a.alpha) * x + a.beta, 0.0, 1.0);
    case ActivationKind::kGelu: return 0.5 * x * (1 + std::erf(x * 0.70710678118654752440));
    case ActivationKind::kGeluTanh: return 0.5 * x * (1 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
  }
  return x;
}

}  // namespace tercel::ops
