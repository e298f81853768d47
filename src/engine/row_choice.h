#pragma once

#include <span>
#include <string_view>

#include "engine/live_value.h"
#include "engine/packed_weights.h"
#include "kernels/kernel.h"

namespace tercel::engine {

// A row bound to a step.
struct BoundRow {
  const kernels::KernelRow* row = nullptr;
  kernels::Kernel kernel;
  Packed packed;  // keeps packed weights; empty where the row packs none
};

// `preferred` where it is not null and accepts, else the first row that accepts; bound to the step. `context` comes
// without packed weights; `weights` gives them, for the row's packed inputs.
struct PackedSource {
  PackedWeights* weights = nullptr;  // null: rows that pack are passed over
  PackingKey key;                    // without format and captured
  std::span<const LiveValue* const> inputs;
};
Result<BoundRow> choose_row(std::string_view op, kernels::StepContext context, const kernels::KernelRow* preferred,
                            const PackedSource& source);

}  // namespace tercel::engine
