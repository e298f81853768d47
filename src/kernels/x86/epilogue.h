#pragma once

#include <limits>

#include "kernels/x86/leaf.h"
#include "ops/activation.h"

namespace tercel::kernels::x86 {

static_assert(static_cast<int>(Act::kGeluTanh) == static_cast<int>(ops::ActivationKind::kGeluTanh));
static_assert(static_cast<int>(Act::kSilu) == static_cast<int>(ops::ActivationKind::kSilu));

inline Epilogue epilogue_of(const ops::Activation& a) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Epilogue e{static_cast<Act>(a.kind), false, a.alpha, a.beta, -kInfinity, kInfinity};
  e.is_clamp = e.act == Act::kNone || e.act == Act::kRelu || e.act == Act::kClip;
  if (e.act == Act::kRelu) e.low = 0;
  if (e.act == Act::kClip) e.low = a.alpha, e.high = a.beta;
  return e;
}

}  // namespace tercel::kernels::x86
