#include "kernels/simd/accepts.h"

namespace tercel::kernels::simd {

Refusal want_float32(const StepContext& context, std::initializer_list<size_t> inputs) {
  for (size_t i : inputs)
    if (context.has(i) && context.in(i).dtype != DType::kFloat32)
      return "wants float32 for input " + std::to_string(i) + ", not " + std::string(dtype_name(context.in(i).dtype));
  if (context.out().dtype != DType::kFloat32)
    return "wants a float32 output, not " + std::string(dtype_name(context.out().dtype));
  return {};
}

Refusal want_only_first_output(const StepContext& context) {
  if (!context.outputs[0].present) return "computes output 0, which nobody reads";
  for (size_t i = 1; i < context.outputs.size(); ++i)
    if (context.outputs[i].present) return "does not compute output " + std::to_string(i);
  return {};
}

}  // namespace tercel::kernels::simd
