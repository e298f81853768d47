#include "engine/binding.h"

#include "engine/barrier.h"
#include "engine/first_touch.h"
#include "engine/profile.h"
#include "engine/typed_node.h"
#include "ops/custom.h"

namespace tercel::engine {

namespace {

// Below this much work, handing it over costs more than it brings; and below that, waking a helper does: a system call, then
// up to 60 us until it runs.
constexpr double kWorthSharingUs = 6, kWorthWakingUs = 80;
// What one thread does at least, where a step is bound by arithmetic or by bandwidth.
constexpr double kFlopsPerUs = 50e3, kBytesPerUs = 20e3;

bool is_bucket_of(const plan::Bucket* bucket, std::span<const Shape> shapes) {
  return bucket && std::equal(shapes.begin(), shapes.end(), bucket->input_shapes.begin(), bucket->input_shapes.end(),
                              [](const Shape& shape, const auto& sizes) { return shape.sizes() == sizes; });
}

// What the planner measured for just these shapes and threads.
void promise_latency(LatencyWatch& watch, const Environment& environment, const plan::Bucket* bucket,
                     std::span<const Shape> shapes) {
  if (!is_bucket_of(bucket, shapes)) return;
  for (const plan::MeasuredLatency& measured : bucket->latency)
    if (static_cast<int>(measured.threads) == environment.threads) watch.promise(measured);
}

// Of one thread: what the planner measured for just these shapes, else what arithmetic and bandwidth say.
double estimated_us(const Region& region, const plan::Bucket* bucket, std::span<const Shape> shapes) {
  const bool measured = is_bucket_of(bucket, shapes);
  double total = 0;
  for (size_t i = 0; i < region.steps.size(); ++i) {
    const StepRecord& record = region.records[i];
    const uint32_t node = region.steps[i].node;
    const float step_us = measured && node < bucket->step_us.size() ? bucket->step_us[node] : -1;
    total += step_us >= 0 ? double{step_us} : std::max(record.flops / kFlopsPerUs, record.bytes / kBytesPerUs);
  }
  return total;
}

TensorType undecided_type(const plan::Program& program, size_t output) {
  TensorType type = program.main().values[program.main().outputs[output]].type;
  for (int i = 0; i < type.shape.rank(); ++i)
    if (!type.shape[i].is_known()) type.shape[i] = Dim::unknown();
  return type;
}

void append_steps(const plan::Program& program, const Region& region, std::vector<Session::StepInfo>& steps) {
  for (size_t i = 0; i < region.steps.size(); ++i) {
    const plan::ProgramNode& node = program.main().nodes[region.steps[i].node];
    steps.push_back({node.name, ops::title(*node.op, node.attributes), std::string(region.steps[i].row->name), region.records[i].flops,
                     region.records[i].bytes});
  }
  if (!region.barrier) return;
  const plan::ProgramNode& node = program.main().nodes[region.barrier->node];
  steps.push_back({node.name, ops::title(*node.op, node.attributes), "bound while running", 0, 0});
  if (!region.barrier->continuations.empty()) append_steps(program, *region.barrier->continuations.front().region, steps);
}

bool is_aligned(const void* data, DType dtype) { return reinterpret_cast<uintptr_t>(data) % dtype_size(dtype) == 0; }

}  // namespace

Result<std::unique_ptr<Binding>> make_binding(Environment& environment, std::span<const plan::InputRange> ranges,
                                              std::span<const Shape> shapes, ArenaSource& arena, kernels::Workers& workers) {
  auto binding = std::make_unique<Binding>();
  binding->shapes.assign(shapes.begin(), shapes.end());
  std::vector<BoundGraph::Input> inputs;
  for (size_t i = 0; i < shapes.size(); ++i) {
    binding->input_types.push_back({ranges[i].dtype, shapes[i]});
    inputs.push_back({.type = binding->input_types.back()});
  }
  const plan::Bucket* bucket = environment.tuned ? nearest_bucket(*environment.tuned, shapes) : nullptr;
  touch_weights(environment, bucket, workers);
  binding->graph = TRY(BoundGraph::bind(environment, 0, inputs, bucket, &arena));
  for (size_t i = 0; i < binding->graph->output_count(); ++i)
    binding->output_types.push_back(binding->graph->output_type(i).value_or(undecided_type(*environment.program, i)));
  binding->inputs.resize(shapes.size());
  const Region& first = binding->graph->first_region();
  // What follows a barrier is not known yet: assume that it is worth it.
  promise_latency(binding->watch, environment, bucket, shapes);
  const double us = estimated_us(first, bucket, shapes);
  binding->worth_sharing = first.barrier || us >= kWorthSharingUs;
  binding->worth_waking = first.barrier || us >= kWorthWakingUs;
  return binding;
}

std::vector<Session::StepInfo> steps_of(const plan::Program& program, const Binding& binding) {
  std::vector<Session::StepInfo> steps;
  append_steps(program, binding.graph->first_region(), steps);
  return steps;
}

Result<void> check_run(const plan::Program& program, const Binding& binding, std::span<const InputView> inputs,
                       std::span<void* const> buffers, std::span<OutputView> outputs) {
  const plan::ProgramGraph& graph = program.main();
  if (inputs.size() != binding.input_types.size() || outputs.size() != binding.output_types.size() ||
      (!buffers.empty() && buffers.size() != outputs.size()))
    return invalid("the model has " + std::to_string(binding.input_types.size()) + " inputs and " +
                   std::to_string(binding.output_types.size()) + " outputs; " + std::to_string(inputs.size()) + " inputs, " +
                   std::to_string(outputs.size()) + " outputs and " + std::to_string(buffers.size()) + " buffers are given");
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorType& wanted = binding.input_types[i];
    const std::string& name = graph.values[graph.inputs[i]].name;
    if (!(inputs[i].type == wanted))
      return invalid("input '" + name + "' is " + std::string(dtype_name(inputs[i].type.dtype)) + " " +
                     to_string(inputs[i].type.shape) + " where " + std::string(dtype_name(wanted.dtype)) + " " +
                     to_string(wanted.shape) + " is bound");
    if (!inputs[i].data && wanted.bytes() > 0) return invalid("input '" + name + "' has no data");
    if (!is_aligned(inputs[i].data, wanted.dtype))
      return invalid("the data of input '" + name + "' are not aligned to their elements");
  }
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (!buffers[i]) continue;
    const std::string& name = graph.values[graph.outputs[i]].name;
    if (!binding.has_fixed_size(i))
      return invalid("the size of output '" + name + "' depends on data: give no buffer for it and copy what run() returns");
    if (!is_aligned(buffers[i], binding.output_types[i].dtype))
      return invalid("the buffer of output '" + name + "' is not aligned to its elements");
  }
  return {};
}

}  // namespace tercel::engine
