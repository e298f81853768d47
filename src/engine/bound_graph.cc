#include "engine/bound_graph.h"

#include <algorithm>
#include <cstring>

#include "engine/barrier.h"
#include "engine/control_flow.h"
#include "engine/numerics.h"
#include "engine/typed_node.h"
#include "ops/control.h"
#include "platform/clock.h"

namespace tercel::engine {

BoundGraph::BoundGraph(Environment& environment, uint32_t graph)
    : environment_(environment), graph_(graph), uses_(environment.graph(graph)) {}

namespace {

Result<std::vector<LiveValue>> values_of(const plan::ProgramGraph& graph, std::span<const BoundGraph::Input> inputs) {
  std::vector<LiveValue> values(graph.values.size());
  for (size_t id = 0; id < values.size(); ++id) {
    if (!graph.values[id].is_constant) continue;
    values[id].known = TRY(graph.values[id].constant.aligned());
    values[id].typed = true;
    values[id].type = values[id].known->type();
    values[id].source = LiveValue::Source::kOwn;
    values[id].place = Place::fixed(values[id].known->data());
  }
  for (uint32_t i = 0; i < inputs.size(); ++i) {
    LiveValue& value = values[graph.inputs[i]];
    value.typed = true;
    value.type = inputs[i].type;
    value.place = Place::slot(i);
    if (!inputs[i].known) continue;
    value.known = *inputs[i].known;
    value.source = inputs[i].source == LiveValue::Source::kOwn ? LiveValue::Source::kCaptured : inputs[i].source;
    value.place = Place::fixed(value.known->data());
  }
  return values;
}

}  // namespace

Result<std::unique_ptr<BoundGraph>> BoundGraph::bind(Environment& environment, uint32_t index, std::span<const Input> inputs,
                                                     const plan::Bucket* bucket, ArenaSource* arena) {
  std::unique_ptr<BoundGraph> bound(new BoundGraph(environment, index));
  const plan::ProgramGraph& graph = environment.graph(index);
  for (const Input& input : inputs) bound->input_types_.push_back(input.type);
  RegionRequest request{.environment = &environment,
                        .graph = index,
                        .first_node = 0,
                        .next_slot = static_cast<uint32_t>(graph.inputs.size() + graph.outputs.size()),
                        .values = {},
                        .uses = &bound->uses_,
                        .bucket = bucket,
                        .arena = arena};
  request.values = TRY(values_of(graph, inputs));
  bound->first_ = TRY(build_region(std::move(request)));
  bound->output_types_.resize(graph.outputs.size());
  const Region& first = *bound->first_;
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    if (!first.barrier) bound->output_types_[i] = first.outputs[i].type;
    else if (const LiveValue& value = first.barrier->values[graph.outputs[i]]; value.typed) bound->output_types_[i] = value.type;
  }
  bound->slots_.resize(graph.inputs.size() + graph.outputs.size());
  return bound;
}

const void* BoundGraph::address_of(const Place& place) const {
  return place.kind == Place::Kind::kSlot ? slots_[place.index] : place.address;
}

Result<void> BoundGraph::run(const RunContext& context, std::span<const void* const> inputs, std::span<void* const> buffers,
                             std::span<OutputView> outputs) {
  for (size_t i = 0; i < inputs.size(); ++i) slots_[i] = const_cast<void*>(inputs[i]);
  for (size_t i = 0; i < outputs.size(); ++i) slots_[inputs.size() + i] = buffers.empty() ? nullptr : buffers[i];
  Region* region = first_.get();
  StepTimes times(context.control.step_ns);
  while (true) {
    enter(*region);
    TRY(run_region(context, *region, times));
    if (!region->barrier) break;
    region = TRY(cross(context, *region->barrier, times));
  }
  deliver(*region, outputs);
  return {};
}

void BoundGraph::enter(Region& region) {
  for (const OutputHome& home : region.homes) {
    void*& slot = slots_[input_types_.size() + home.output];
    if (!slot) slot = home.fallback;
  }
  for (const Patch& patch : region.patches) region.pointers[patch.entry] = slots_[patch.slot];
}

int64_t RunContext::clock_ns() const { return platform::now_ns() - (pauses ? pauses->stopped_ns() : 0); }

Result<void> RunContext::pass_boundary() const {
  if (pauses) pauses->pass();
  if (control.cancel && control.cancel->load(std::memory_order_relaxed)) return Error(ErrorCode::kCancelled, "cancelled");
  if (control.deadline_ns && platform::now_ns() >= control.deadline_ns) return Error(ErrorCode::kDeadline, "deadline passed");
  return {};
}

Error BoundGraph::failed(const RunContext& context, const Step& step) const {
  return context.failure->error().within(describe(environment_.graph(graph_).nodes[step.node]));
}

Result<void> BoundGraph::run_region(const RunContext& context, Region& region, StepTimes& times) {
  if (context.observer || context.check_numerics) return run_watched(context, region, times);
  if (context.may_stop() || times.wanted()) return run_timed(context, region, times);
  for (const Step& step : region.steps)
    if (!context.execute(step, region.scratch)) return failed(context, step);
  return {};
}

Result<void> BoundGraph::run_timed(const RunContext& context, Region& region, StepTimes& times) {
  for (const Step& step : region.steps) {
    TRY(context.pass_boundary());
    const int64_t before = times.wanted() ? context.clock_ns() : 0;
    if (!context.execute(step, region.scratch)) return failed(context, step);
    if (times.wanted()) times.add(context.clock_ns() - before);
  }
  return {};
}

// The same for those who look at every step.
Result<void> BoundGraph::run_watched(const RunContext& context, Region& region, StepTimes& times) {
  const plan::ProgramGraph& graph = environment_.graph(graph_);
  std::vector<OutputView> views;
  for (size_t i = 0; i < region.steps.size(); ++i) {
    const Step& step = region.steps[i];
    TRY(context.pass_boundary());
    const int64_t before = context.clock_ns();
    if (!context.execute(step, region.scratch)) return failed(context, step);
    const int64_t after = context.clock_ns();
    times.add(after - before);
    const plan::ProgramNode& node = graph.nodes[step.node];
    views.clear();
    for (size_t o = 0; o < node.outputs.size(); ++o) views.push_back({region.records[i].outputs[o], step.outputs[o]});
    if (context.check_numerics)
      for (const OutputView& view : views)
        if (view.data && !all_finite(view.type, view.data))
          return invalid(describe(node) +
                         " computed a NaN or an infinity; look at the values that enter it with: tercel compare");
    if (context.observer) context.observer(context.observer_user, node, views, static_cast<double>(after - before) * 1e-3);
  }
  return {};
}

namespace {

// A node whose output sizes its data tell: asked again now that the data are there, bound, and run.
Result<std::vector<TensorType>> run_with_values(BarrierRun& run) {
  std::vector<LiveValue> values(run.inputs.size());
  TypedNode node{
      .node = &run.node, .inputs = {}, .outputs = std::vector<TensorType>(run.node.outputs.size()), .wanted = run.barrier.wanted};
  for (size_t i = 0; i < values.size(); ++i) {
    const RuntimeInput& input = run.inputs[i];
    values[i].type = input.type;
    values[i].known = Tensor::view(input.type.dtype, input.type.shape, input.data, nullptr);
    node.inputs.push_back(input.present ? &values[i] : nullptr);
  }
  std::vector<std::optional<std::vector<Dim>>> dims;
  if (!TRY(infer(node, dims))) return unsupported("its output shape cannot be told from its inputs");
  std::vector<void*> outputs(node.outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!node.wanted[i]) continue;
    TRY(run.barrier.buffers[i].ensure(node.outputs[i].bytes()));
    outputs[i] = run.barrier.buffers[i].data();
  }
  TRY(run_once(run.environment, node, *run.context.workers, outputs));
  return node.outputs;
}

bool is_stop(ErrorCode code) { return code == ErrorCode::kCancelled || code == ErrorCode::kDeadline; }

}  // namespace

Result<Region*> BoundGraph::cross(const RunContext& context, Barrier& barrier, StepTimes& times) {
  const plan::ProgramNode& node = environment_.graph(graph_).nodes[barrier.node];
  TRY(context.pass_boundary());
  BarrierRun run{environment_, context, barrier, node, {}};
  for (plan::ValueId id : node.inputs) {
    run.inputs.emplace_back();
    if (id == plan::kNoValue) continue;
    const LiveValue& value = barrier.values[id];
    run.inputs.back() = {.present = true,
                         .type = value.type,
                         .data = address_of(value.place),
                         .known = value.known ? &*value.known : nullptr,
                         .source = value.source};
  }
  const int64_t before = context.clock_ns();
  auto types = ops::is_control(node.op->name) ? run_control(run) : run_with_values(run);
  if (!types.ok()) return is_stop(types.error().code()) ? types.error() : types.error().within(describe(node));
  times.add(context.clock_ns() - before);
  slots_.resize(std::max(slots_.size(), barrier.first_slot + barrier.buffers.size()));
  for (size_t i = 0; i < barrier.buffers.size(); ++i) slots_[barrier.first_slot + i] = barrier.buffers[i].data();
  if (context.observer) {
    std::vector<OutputView> views;
    for (size_t i = 0; i < barrier.buffers.size(); ++i)
      views.push_back({(*types)[i], barrier.wanted[i] ? barrier.buffers[i].data() : nullptr});
    context.observer(context.observer_user, node, views, static_cast<double>(context.clock_ns() - before) * 1e-3);
  }
  return continuation(barrier, types.take());
}

Result<Region*> BoundGraph::continuation(Barrier& barrier, std::vector<TensorType> types) {
  auto& known = barrier.continuations;
  const auto found = std::find_if(known.begin(), known.end(), [&](const Continuation& c) { return c.types == types; });
  if (found != known.end()) {
    known.splice(known.begin(), known, found);
    return known.front().region.get();
  }
  const plan::ProgramNode& node = environment_.graph(graph_).nodes[barrier.node];
  RegionRequest request{.environment = &environment_,
                        .graph = graph_,
                        .first_node = barrier.node + 1,
                        .next_slot = barrier.first_slot + static_cast<uint32_t>(barrier.buffers.size()),
                        .values = barrier.values,
                        .uses = &uses_,
                        .bucket = nullptr,
                        .arena = nullptr};
  for (uint32_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == plan::kNoValue) continue;
    LiveValue& value = request.values[node.outputs[i]];
    value.typed = true;
    value.type = types[i];
    value.place = Place::slot(barrier.first_slot + i);
  }
  if (known.size() >= kContinuationsMax) known.pop_back();
  auto region = TRY(build_region(std::move(request)));
  known.push_front({std::move(types), std::move(region)});
  return known.front().region.get();
}

void BoundGraph::deliver(const Region& last, std::span<OutputView> outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const OutputSource& source = last.outputs[i];
    void* const buffer = slots_[input_types_.size() + i];
    const void* const computed = address_of(source.place);
    outputs[i] = {source.type, computed};
    if (source.kind == OutputSource::Kind::kHome || (source.kind == OutputSource::Kind::kView && !buffer)) continue;
    void* const target = buffer ? buffer : source.fallback;
    if (const size_t bytes = source.type.bytes()) std::memcpy(target, computed, bytes);
    outputs[i].data = target;
  }
}

}  // namespace tercel::engine
