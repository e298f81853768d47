#pragma once

#include "tensor/tensor.h"

namespace tercel::kernels {

// Calls f.template operator()<T>() with the C++ type of a floating-point dtype; others count as float32 (shape rules have
// refused them before).
template <typename F>
decltype(auto) visit_float(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat64: return f.template operator()<double>();
    case DType::kFloat16: return f.template operator()<Half>();
    case DType::kBFloat16: return f.template operator()<BFloat16>();
    default: return f.template operator()<float>();
  }
}

}  // namespace tercel::kernels
