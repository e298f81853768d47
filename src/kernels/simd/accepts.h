#pragma once

#include <initializer_list>

#include "kernels/kernel.h"

// Conditions that several rows of this folder ask for.
namespace tercel::kernels::simd {

// Empty when these inputs (those that are there) and output 0 are float32.
Refusal want_float32(const StepContext& context, std::initializer_list<size_t> inputs);

// Empty when no output but 0 is read, and 0 is.
Refusal want_only_first_output(const StepContext& context);

// The first refusal of several.
inline Refusal first_of(std::initializer_list<Refusal> refusals) {
  for (const Refusal& refusal : refusals)
    if (!refusal.empty()) return refusal;
  return {};
}

// What rows bind for empty tensors.
inline Kernel nothing_to_do() {
  return Kernel([](const Buffers&) {});
}

}  // namespace tercel::kernels::simd
