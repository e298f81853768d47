#include <cstring>

#include "engine/control_flow.h"
#include "ops/control.h"

namespace tercel::engine {

namespace {

// One scan output while it is collected: equal slices one after another.
struct Stack {
  explicit Stack(MemoryBudget& budget) : slice(budget), all(budget), spare(budget) {}

  Result<void> append(const TensorType& type, int64_t count) {
    if (count > 0 && !(type == slice_type))
      return invalid("a scan output changes from " + to_string(slice_type.shape) + " to " + to_string(type.shape) +
                     " between iterations");
    slice_type = type;
    const size_t bytes = type.bytes();
    if (used + bytes > all.bytes()) {
      TRY(spare.ensure(2 * (used + bytes)));
      if (used) std::memcpy(spare.data(), all.data(), used);
      all.swap(spare);
    }
    if (bytes) std::memcpy(all.data() + used, slice.data(), bytes);
    used += bytes;
    return {};
  }

  Block slice, all, spare;
  size_t used = 0;
  TensorType slice_type;
};

// `type` with a new axis 0 of `count`.
Result<TensorType> stacked(const TensorType& type, int64_t count) {
  if (type.shape.rank() == kRankMax) return too_large("a scan output would have more than " + std::to_string(kRankMax) + " axes");
  TensorType result{type.dtype, {Dim(count)}};
  for (Dim d : type.shape.dims()) result.shape.push_back(d);
  TRY(checked_elements(result.shape));
  return result;
}

Result<bool> truth_of(const RuntimeInput& input) {
  if (!input.present) return true;
  if (input.type.dtype != DType::kBool || input.type.shape.elements() != 1) return invalid("its condition must be one bool");
  return *static_cast<const uint8_t*>(input.data) != 0;
}

Result<int64_t> trip_count_of(const RuntimeInput& input) {
  if (!input.present) return INT64_MAX;
  if (!is_integer(input.type.dtype) || input.type.shape.elements() != 1) return invalid("its trip count must be one integer");
  return element_as_int(input.type.dtype, input.data, 0);
}

class LoopRun {
 public:
  LoopRun(BarrierRun& run, size_t carried, size_t scans)
      : run_(run), carried_(carried), condition_(run.environment.budget), inputs_(run.inputs.size()) {
    for (size_t i = 0; i < scans; ++i) stacks_.emplace_back(run.environment.budget);
    while (run.barrier.carried.size() < 2 * carried) run.barrier.carried.emplace_back(run.environment.budget);
    std::copy(run.inputs.begin() + 2, run.inputs.end(), inputs_.begin() + 2);
    // The iteration number and carried values change while the loop runs, even where they start from a constant.
    for (size_t i = 0; i < 2 + carried; ++i) inputs_[i].known = nullptr;
    inputs_[0] = {.present = true, .type = {DType::kInt64, {}}, .data = &iteration_};
    inputs_[1] = {.present = true, .type = {DType::kBool, {}}, .data = &truth_};
  }

  Result<std::vector<TensorType>> all() {
    const int64_t trips = TRY(trip_count_of(run_.inputs[0]));
    truth_ = TRY(truth_of(run_.inputs[1]));
    for (; iteration_ < trips && truth_; ++iteration_) {
      TRY(check_iteration(run_.context, iteration_));
      TRY(one());
    }
    return collect();
  }

 private:
  Result<void> one() {
    BoundGraph& body = *TRY(body_of(run_, ops::kBody, inputs_));
    std::vector<Block*> targets{&condition_};
    for (size_t i = 0; i < carried_; ++i) targets.push_back(&run_.barrier.carried[2 * i + (iteration_ & 1)]);
    for (Stack& stack : stacks_) targets.push_back(&stack.slice);
    if (body.output_count() != targets.size())
      return invalid("its body has " + std::to_string(body.output_count()) + " outputs where " + std::to_string(targets.size()) +
                     " are wanted");
    const auto types = TRY(run_into(run_.context, body, inputs_, targets));
    truth_ = TRY(truth_of({.present = true, .type = types[0], .data = condition_.data()}));
    for (size_t i = 0; i < carried_; ++i)
      inputs_[2 + i] = {.present = true, .type = types[1 + i], .data = targets[1 + i]->data()};
    for (size_t i = 0; i < stacks_.size(); ++i) TRY(stacks_[i].append(types[1 + carried_ + i], iteration_));
    return {};
  }

  Result<std::vector<TensorType>> collect() {
    std::vector<TensorType> types;
    auto& buffers = run_.barrier.buffers;
    for (size_t i = 0; i < carried_; ++i) {
      types.push_back(inputs_[2 + i].type);
      const size_t bytes = types.back().bytes();
      TRY(buffers[i].ensure(bytes));
      if (bytes) std::memcpy(buffers[i].data(), inputs_[2 + i].data, bytes);
    }
    const auto* reference = run_.node.attributes.get<ops::GraphRef>(ops::kBody);
    for (size_t i = 0; i < stacks_.size(); ++i) {
      const plan::ProgramGraph& graph = run_.environment.graph(reference->index);
      const TensorType slice = iteration_ ? stacks_[i].slice_type : declared_type(graph, 1 + carried_ + i);
      types.push_back(TRY(stacked(slice, iteration_)));
      TRY(stacks_[i].all.ensure(0));
      buffers[carried_ + i].swap(stacks_[i].all);
    }
    return types;
  }

  BarrierRun& run_;
  size_t carried_;
  Block condition_;
  std::vector<RuntimeInput> inputs_;  // of the body
  std::vector<Stack> stacks_;
  int64_t iteration_ = 0;
  bool truth_ = true;
};

}  // namespace

Result<std::vector<TensorType>> run_loop(BarrierRun& run) {
  const int64_t carried = ops::carried_count("Loop", run.node.attributes, run.inputs.size());
  const size_t outputs = run.barrier.buffers.size();
  if (carried < 0 || static_cast<size_t>(carried) > outputs || !run.node.attributes.get<ops::GraphRef>(ops::kBody))
    return invalid("its inputs, outputs and body do not fit together");
  for (size_t i = 2; i < run.inputs.size(); ++i)
    if (!run.inputs[i].present) return invalid("its input " + std::to_string(i) + " is missing");
  return LoopRun(run, static_cast<size_t>(carried), outputs - static_cast<size_t>(carried)).all();
}

}  // namespace tercel::engine
