#include "engine/control_flow.h"

#include <algorithm>
#include <cstring>

#include "ops/control.h"

namespace tercel::engine {

Result<BoundGraph*> body_of(BarrierRun& run, std::string_view name, std::span<const RuntimeInput> inputs) {
  const auto* reference = run.node.attributes.get<ops::GraphRef>(name);
  if (!reference) return invalid("it has no subgraph '" + std::string(name) + "'");
  const plan::ProgramGraph& graph = run.environment.graph(reference->index);
  if (graph.inputs.size() != inputs.size())
    return invalid("its subgraph '" + graph.name + "' has " + std::to_string(graph.inputs.size()) + " inputs where " +
                   std::to_string(inputs.size()) + " are given");
  auto& bodies = run.barrier.bodies;
  const auto same = [&](const std::unique_ptr<BoundGraph>& body) {
    return body->index() == reference->index &&
           std::equal(inputs.begin(), inputs.end(), body->input_types().begin(), body->input_types().end(),
                      [](const RuntimeInput& input, const TensorType& type) { return input.type == type; });
  };
  const auto found = std::find_if(bodies.begin(), bodies.end(), same);
  if (found != bodies.end()) {
    bodies.splice(bodies.begin(), bodies, found);
    return bodies.front().get();
  }
  std::vector<BoundGraph::Input> bound;
  for (const RuntimeInput& input : inputs) bound.push_back({input.type, input.known, input.source});
  if (bodies.size() >= kContinuationsMax) bodies.pop_back();
  bodies.push_front(TRY(BoundGraph::bind(run.environment, reference->index, bound, nullptr, nullptr)));
  return bodies.front().get();
}

Result<std::vector<TensorType>> run_into(const RunContext& context, BoundGraph& body, std::span<const RuntimeInput> inputs,
                                         std::span<Block* const> targets) {
  std::vector<const void*> addresses;
  for (const RuntimeInput& input : inputs) addresses.push_back(input.data);
  std::vector<void*> buffers(targets.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!body.output_type(i)) continue;
    TRY(targets[i]->ensure(body.output_type(i)->bytes()));
    buffers[i] = targets[i]->data();
  }
  std::vector<OutputView> views(targets.size());
  RunContext inside = context;
  inside.observer = nullptr;
  inside.control.step_ns = {};
  TRY(body.run(inside, addresses, buffers, views));
  std::vector<TensorType> types;
  for (size_t i = 0; i < targets.size(); ++i) {
    types.push_back(views[i].type);
    if (buffers[i]) continue;
    TRY(targets[i]->ensure(views[i].type.bytes()));
    if (views[i].type.bytes()) std::memcpy(targets[i]->data(), views[i].data, views[i].type.bytes());
  }
  return types;
}

TensorType declared_type(const plan::ProgramGraph& graph, size_t output) {
  TensorType type = graph.values[graph.outputs[output]].type;
  for (int i = 0; i < type.shape.rank(); ++i)
    if (!type.shape[i].is_known()) type.shape[i] = Dim(0);
  return type;
}

Result<void> check_iteration(const RunContext& context, int64_t iteration) {
  TRY(context.pass_boundary());
  if (iteration >= kIterationsMax)
    return too_large("it iterates more than " + std::to_string(kIterationsMax) + " times, the limit of loops");
  return {};
}

Result<std::vector<TensorType>> run_if(BarrierRun& run) {
  const RuntimeInput& condition = run.inputs[0];
  if (!condition.present || condition.type.dtype != DType::kBool || condition.type.shape.elements() != 1)
    return invalid("its condition must be one bool");
  const bool truth = *static_cast<const uint8_t*>(condition.data) != 0;
  const auto captures = std::span(run.inputs).subspan(1);
  BoundGraph& branch = *TRY(body_of(run, truth ? ops::kThenBranch : ops::kElseBranch, captures));
  if (branch.output_count() != run.barrier.buffers.size())
    return invalid("its branch has " + std::to_string(branch.output_count()) + " outputs where " +
                   std::to_string(run.barrier.buffers.size()) + " are wanted");
  std::vector<Block*> targets;
  for (Block& buffer : run.barrier.buffers) targets.push_back(&buffer);
  return run_into(run.context, branch, captures, targets);
}

Result<std::vector<TensorType>> run_control(BarrierRun& run) {
  if (run.node.op->name == "If") return run_if(run);
  return run.node.op->name == "Loop" ? run_loop(run) : run_scan(run);
}

}  // namespace tercel::engine
