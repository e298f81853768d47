#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/pauses.h"
#include "engine/region.h"
#include "engine/session.h"
#include "kernels/failure.h"

namespace tercel::engine {

// What a run carries along. One per call of Session::run.
struct RunContext {
  kernels::Workers* workers = nullptr;
  kernels::Workers* in_place_workers = nullptr;  // the same threads, for steps that write where they read
  RunControl control = {};
  bool check_numerics = false;
  Session::Observer observer = nullptr;  // of the main graph only
  void* observer_user = nullptr;
  kernels::Failure* failure = nullptr;  // of this run's steps
  Pauses* pauses = nullptr;             // null: the run keeps its thread

  kernels::Workers* workers_of(const Step& step) const { return step.in_place ? in_place_workers : workers; }
  bool may_stop() const { return control.cancel || control.deadline_ns || pauses; }
  // A clock that stands still while the run is stopped.
  int64_t clock_ns() const;
  // False when the step failed.
  bool execute(const Step& step, std::byte* scratch) const {
    step.kernel.run({step.inputs, step.outputs, scratch, workers_of(step), failure});
    return !failure->happened();
  }
  // Between two steps or iterations: gives the thread away where that is asked for. Not ok once the caller no longer wants the
  // answer. Allocates nothing: the messages are short.
  Result<void> pass_boundary() const;
};

// Where a run notes what its steps took; does nothing where nobody asked.
class StepTimes {
 public:
  explicit StepTimes(std::span<int64_t> room) : room_(room) {}
  bool wanted() const { return next_ < room_.size(); }
  void add(int64_t ns) {
    if (wanted()) room_[next_++] = ns;
  }

 private:
  std::span<int64_t> room_;
  size_t next_ = 0;
};

// One graph of a program, bound to the types of its inputs: its first region at once, what follows a barrier when a run
// gets there. Subgraphs of control flow are bound graphs of their own. Not for two threads at once.
class BoundGraph {
 public:
  struct Input {
    TensorType type;
    const Tensor* known = nullptr;  // contents that are the same in every run: constants captured by a subgraph
    LiveValue::Source source = LiveValue::Source::kComputed;  // of `known`
  };

  static Result<std::unique_ptr<BoundGraph>> bind(Environment& environment, uint32_t graph, std::span<const Input> inputs,
                                                  const plan::Bucket* bucket, ArenaSource* arena);

  // `inputs` are addresses of the bound types; `buffers` is empty or has one entry per output, null where the graph may
  // choose. Buffers may only be given for outputs with a type(). `outputs` receives views, good until the next run.
  Result<void> run(const RunContext& context, std::span<const void* const> inputs, std::span<void* const> buffers,
                   std::span<OutputView> outputs);

  uint32_t index() const { return graph_; }
  std::span<const TensorType> input_types() const { return input_types_; }
  // The type of an output whose size does not depend on data.
  const std::optional<TensorType>& output_type(size_t output) const { return output_types_[output]; }
  size_t output_count() const { return output_types_.size(); }
  // The region bound at first; its barrier leads to the others.
  const Region& first_region() const { return *first_; }

 private:
  BoundGraph(Environment& environment, uint32_t graph);

  Error failed(const RunContext& context, const Step& step) const;
  Result<void> run_region(const RunContext& context, Region& region, StepTimes& times);
  Result<void> run_timed(const RunContext& context, Region& region, StepTimes& times);
  Result<void> run_watched(const RunContext& context, Region& region, StepTimes& times);
  Result<Region*> cross(const RunContext& context, Barrier& barrier, StepTimes& times);
  Result<Region*> continuation(Barrier& barrier, std::vector<TensorType> types);
  void enter(Region& region);
  void deliver(const Region& last, std::span<OutputView> outputs);
  const void* address_of(const Place& place) const;

  Environment& environment_;
  uint32_t graph_;
  ValueUses uses_;
  std::vector<TensorType> input_types_;
  std::vector<std::optional<TensorType>> output_types_;
  std::vector<void*> slots_;  // inputs, outputs, then outputs of barriers
  std::unique_ptr<Region> first_;
};

}  // namespace tercel::engine
