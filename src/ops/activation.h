#pragma once

#include <optional>
#include <string_view>

#include "ops/attributes.h"

namespace tercel::ops {

// Activations that fuse into Conv and tercel.Dense, carried by the attributes `activation` (name), `activation_alpha`
// and `activation_beta`. The numbers are kernel-internal; plans store the name.
enum class ActivationKind : uint8_t { kNone, kRelu, kClip, kLeakyRelu, kSigmoid, kTanh, kSilu, kHardSwish, kHardSigmoid, kGelu, kGeluTanh };

struct Activation {
  ActivationKind kind = ActivationKind::kNone;
  float alpha = 0;  // Clip: min; LeakyRelu: slope; HardSigmoid: alpha
  float beta = 0;   // Clip: max; HardSigmoid: beta
};

// By attribute name: "Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "Silu", "HardSwish", "HardSigmoid", "Gelu"
// (erf form), "GeluTanh"; "" is none.
std::optional<ActivationKind> activation_by_name(std::string_view name);
std::string_view activation_name(ActivationKind kind);

// Of a node's attributes; an unknown name is an error.
Result<Activation> activation_of(const Attributes& attributes);
void set_activation(Attributes& attributes, const Activation& activation);

// The reference value, in double.
double apply(const Activation& activation, double x);

}  // namespace tercel::ops
