#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "engine/bound_graph.h"
#include "engine/latency_watch.h"
#include "engine/session.h"

namespace tercel::engine {

// One cached set of input shapes. See session.h.
class Binding {
 public:
  std::vector<Shape> shapes;
  std::vector<TensorType> input_types, output_types;  // extents that depend on data are unknown
  std::unique_ptr<BoundGraph> graph;
  std::vector<const void*> inputs;  // room for one run's addresses
  bool worth_sharing = false;       // enough work to share with helpers that are awake
  bool worth_waking = false;        // enough to wake them
  bool asked_for_workers = false;   // the last run did: wake them before the first step of the next
  LatencyWatch watch;               // against what the plan promises for these shapes; off where it promises nothing
  uint64_t last_used = 0;
  mutable std::atomic<int> holders{0};  // while there are any, it is not forgotten

  bool is_held() const { return holders.load(std::memory_order_acquire) > 0; }
  bool has_fixed_size(size_t output) const { return graph->output_type(output).has_value(); }
  bool fits(std::span<const Shape> wanted) const {
    return std::equal(wanted.begin(), wanted.end(), shapes.begin(), shapes.end());
  }
};

// Binds the main graph to shapes that were checked. Allocates and prefaults; `workers` help with that.
Result<std::unique_ptr<Binding>> make_binding(Environment& environment, std::span<const plan::InputRange> ranges,
                                              std::span<const Shape> shapes, ArenaSource& arena, kernels::Workers& workers);

// Every step of a binding that is bound now, in order, with what explain prints.
std::vector<Session::StepInfo> steps_of(const plan::Program& program, const Binding& binding);

// What run() got fits the binding: counts, types, alignment, buffers only where sizes are known.
Result<void> check_run(const plan::Program& program, const Binding& binding, std::span<const InputView> inputs,
                       std::span<void* const> buffers, std::span<OutputView> outputs);

}  // namespace tercel::engine
