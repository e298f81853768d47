#pragma once

#include <span>
#include <vector>

#include "engine/barrier.h"
#include "engine/bound_graph.h"

namespace tercel::engine {

// Iterations of one Loop or Scan. Documented in docs/limits.md.
inline constexpr int64_t kIterationsMax = int64_t{1} << 24;

// An input of a node at a barrier, while a run stands there.
struct RuntimeInput {
  bool present = false;
  TensorType type;
  const void* data = nullptr;
  const Tensor* known = nullptr;  // contents that are the same in every run
  LiveValue::Source source = LiveValue::Source::kComputed;
};

// A barrier's node and what it works on.
struct BarrierRun {
  Environment& environment;
  const RunContext& context;
  Barrier& barrier;
  const plan::ProgramNode& node;
  std::vector<RuntimeInput> inputs;
};

// Runs an If, Loop or Scan as ops/control.h defines them: outputs land in the barrier's buffers; returns their types.
// Reads the cancel flag at each iteration and within. Bound bodies are kept by the barrier, so iterations of one shape
// bind once. May allocate.
Result<std::vector<TensorType>> run_control(BarrierRun& run);

// Implementation details; readers may stop here.

// The subgraph `name` of the node, bound to these inputs.
Result<BoundGraph*> body_of(BarrierRun& run, std::string_view name, std::span<const RuntimeInput> inputs);
// Runs it; output i lands in *targets[i]. Returns the outputs' types.
Result<std::vector<TensorType>> run_into(const RunContext& context, BoundGraph& body, std::span<const RuntimeInput> inputs,
                                         std::span<Block* const> targets);
// The type a subgraph declares for an output, with 0 for extents nobody knows: outputs of loops that never ran.
TensorType declared_type(const plan::ProgramGraph& graph, size_t output);

Result<std::vector<TensorType>> run_if(BarrierRun& run);
Result<std::vector<TensorType>> run_loop(BarrierRun& run);
Result<std::vector<TensorType>> run_scan(BarrierRun& run);

// The loop ran too long, or its caller asked to stop.
Result<void> check_iteration(const RunContext& context, int64_t iteration);

}  // namespace tercel::engine
