#include "planner/buckets.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "engine/session.h"
#include "ops/custom.h"
#include "plan/plan.h"
#include "planner/model_at.h"
#include "platform/clock.h"

namespace tercel::planner {

namespace {

void report(const Progress& progress, std::string_view what, size_t done, size_t total) {
  if (progress) progress(what, static_cast<int>(done), static_cast<int>(total));
}

uint32_t tactic_index(plan::TunedSection& section, std::string_view name) {
  const auto found = std::find(section.tactic_names.begin(), section.tactic_names.end(), name);
  const auto index = static_cast<uint32_t>(found - section.tactic_names.begin());
  if (found == section.tactic_names.end()) section.tactic_names.emplace_back(name);
  return index;
}

std::vector<std::vector<int64_t>> sizes_of(const BucketShapes& shapes) {
  std::vector<std::vector<int64_t>> sizes;
  for (const Shape& shape : shapes) sizes.push_back(shape.sizes());
  return sizes;
}

// Of fewer runs the slowest one would stand for the slowest thousandth, and be whatever it happened to be.
constexpr size_t kRunsForP999 = 1000;

double percentile(std::span<const double> sorted, double p) {
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(p * static_cast<double>(sorted.size())))];
}

// Random bytes would be NaNs and denormals; zeros are what every model accepts, and dense kernels do not look at values.
Result<std::vector<Tensor>> zero_inputs(const plan::ProgramGraph& main, const plan::Bucket& bucket) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < main.inputs.size(); ++i)
    inputs.push_back(
        TRY(Tensor::zeros(main.values[main.inputs[i]].type.dtype, Shape(std::span<const int64_t>(bucket.input_shapes[i])))));
  return inputs;
}

Result<plan::MeasuredLatency> measure(std::shared_ptr<const plan::Program> program, plan::Bucket& bucket, int threads,
                                      double seconds) {
  engine::SessionOptions options;
  options.threads = threads;
  const auto session = TRY(engine::Session::open(program, options));
  const auto inputs = TRY(zero_inputs(program->main(), bucket));
  std::vector<Shape> shapes;
  std::vector<engine::InputView> views;
  for (const Tensor& t : inputs) {
    shapes.push_back(t.shape());
    views.push_back({t.type(), t.data()});
  }
  const engine::Binding* binding = TRY(session->bind(shapes));
  bucket.arena_bytes = session->arena_bytes(*binding);
  std::vector<engine::OutputView> outputs(program->main().outputs.size());
  std::vector<double> times_us;
  const int64_t deadline = platform::now_ns() + static_cast<int64_t>(seconds * 1e9);
  for (int run = 0; run < 3 || (platform::now_ns() < deadline && run < 100000); ++run) {
    const int64_t start = platform::now_ns();
    TRY(session->run(*binding, views, {}, outputs));
    if (run > 0) times_us.push_back(static_cast<double>(platform::now_ns() - start) / 1e3);
  }
  std::sort(times_us.begin(), times_us.end());
  return latency_of(static_cast<uint32_t>(threads), times_us);
}

std::vector<kernels::StepContext::Operand> operands_of(const graph::Graph& graph, const std::vector<graph::ValueId>& ids) {
  std::vector<kernels::StepContext::Operand> operands;
  for (graph::ValueId id : ids) {
    kernels::StepContext::Operand operand;
    if (id != graph::kNoValue) operand = {true, graph.value(id).type, graph.constant(id)};
    operands.push_back(operand);
  }
  return operands;
}

std::span<const std::byte> bytes_of(const Tensor& tensor) { return {tensor.as<std::byte>(), tensor.bytes()}; }

Result<Tensor> pack(const graph::Graph& main, size_t node, const kernels::KernelRow& row, const platform::Isa& isa) {
  const auto inputs = operands_of(main, main.nodes[node].inputs), outputs = operands_of(main, main.nodes[node].outputs);
  const kernels::StepContext context{main.nodes[node].attributes, inputs, outputs, isa, 1, {}};
  Tensor bytes = TRY(Tensor::zeros(DType::kUint8, Shape{static_cast<int64_t>(row.packing->bytes(context))}));
  row.packing->fill(context, std::span(bytes.mutable_as<std::byte>(), bytes.bytes()));
  return bytes;
}

bool uses_custom_operators(const plan::Program& program) {
  for (const plan::ProgramGraph& graph : program.graphs)
    for (const plan::ProgramNode& node : graph.nodes)
      if (node.op->name == ops::kCustom) return true;
  return false;
}

}  // namespace

plan::MeasuredLatency latency_of(uint32_t threads, std::span<const double> sorted_us) {
  return {.threads = threads,
          .p50_us = percentile(sorted_us, 0.5),
          .p99_us = percentile(sorted_us, 0.99),
          .p999_us = sorted_us.size() >= kRunsForP999 ? percentile(sorted_us, 0.999) : 0};
}

Result<std::vector<graph::Model>> tune_buckets(const graph::Model& model, const Profile& profile, TacticChooser& chooser,
                                               plan::TunedSection& section, const Progress& progress) {
  std::vector<graph::Model> all;
  const size_t nodes = model.main().nodes.size(), total = nodes * profile.buckets.size();
  for (size_t b = 0; b < profile.buckets.size(); ++b) {
    all.push_back(TRY(model_at(model, profile.buckets[b])));
    const graph::Model& fixed = all.back();
    plan::Bucket bucket;
    bucket.input_shapes = sizes_of(profile.buckets[b]);
    for (size_t n = 0; n < nodes; ++n) {
      report(progress, "timing tactics", b * nodes + n, total);
      const TacticChoice choice = TRY(chooser.choose(fixed.main(), fixed.main().nodes[n]));
      bucket.tactics.push_back(choice.row ? tactic_index(section, choice.row->name) : plan::kUntuned);
      bucket.step_us.push_back(static_cast<float>(choice.step_us));
      if (b > 0) continue;
      for (const auto& [tactic, reason] : choice.refused) section.notes.push_back({static_cast<uint32_t>(n), tactic, reason});
    }
    section.buckets.push_back(std::move(bucket));
  }
  report(progress, "timing tactics", total, total);
  return all;
}

Result<std::vector<Tensor>> pack_weights(const std::vector<graph::Model>& fixed, plan::TunedSection& section,
                                         const Progress& progress) {
  std::vector<Tensor> owned;
  const size_t nodes = fixed.empty() ? 0 : fixed[0].main().nodes.size();
  for (size_t n = 0; n < nodes; ++n) {
    report(progress, "packing weights", n, nodes);
    std::set<std::string_view> formats;
    for (size_t b = 0; b < section.buckets.size(); ++b) {
      const uint32_t tactic = section.buckets[b].tactics[n];
      const kernels::KernelRow* row = tactic == plan::kUntuned ? nullptr : kernels::find_row(section.tactic_names[tactic]);
      if (!row || !row->packing || !formats.insert(row->packing->format).second) continue;
      Tensor bytes = TRY(pack(fixed[b].main(), n, *row, section.isa));
      section.packed.push_back({0, static_cast<uint32_t>(n), std::string(row->packing->format), bytes_of(bytes)});
      owned.push_back(std::move(bytes));
    }
  }
  return owned;
}

Result<std::string> measure_latency(plan::Program& program, const std::vector<int>& threads, double seconds, const Progress& progress) {
  std::vector<plan::Bucket>& buckets = program.tuned[0].buckets;
  const size_t total = buckets.size() * threads.size();
  const auto image = TRY(plan::write_in_memory(program));
  for (size_t b = 0; b < buckets.size(); ++b)
    for (size_t t = 0; t < threads.size(); ++t) {
      report(progress, "measuring latency", b * threads.size() + t, total);
      const auto measured = measure(image, buckets[b], threads[t], seconds / static_cast<double>(total));
      if (!measured.ok() && uses_custom_operators(program)) return measured.error().message();
      if (!measured.ok()) return measured.error();
      buckets[b].latency.push_back(*measured);
    }
  report(progress, "measuring latency", total, total);
  return std::string();
}

}  // namespace tercel::planner
