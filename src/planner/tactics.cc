#include "planner/tactics.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "planner/sample_step.h"
#include "platform/clock.h"

namespace tercel::planner {

namespace {

// A candidate may differ from the reference by this much of the output's largest magnitude: rounding of long sums stays
// orders below, a wrong index is far above.
constexpr double kToleranceRelative = 1e-4;
constexpr int kRoundsMin = 5, kRoundsMax = 200;
constexpr double kSecondsPerStep = 0.02;

using Operands = std::vector<SampleStep::Operand>;

// Contents that shape arithmetic knows count as constants: the engine knows them too when it binds.
const Tensor* known_contents(const graph::Value& value, std::vector<Tensor>& keep) {
  if (value.constant) return &*value.constant;
  if (!value.dims || value.type.dtype != DType::kInt64) return nullptr;
  std::vector<int64_t> sizes;
  for (Dim d : *value.dims) {
    if (!d.is_known()) return nullptr;
    sizes.push_back(d.size());
  }
  if (!value.type.shape.is_static() || value.type.shape.elements() != static_cast<int64_t>(sizes.size())) return nullptr;
  keep.push_back(Tensor::of<int64_t>(DType::kInt64, value.type.shape, sizes));
  return &keep.back();
}

// False when some extent is not known: such a step is bound at run time only.
bool collect(const graph::Graph& graph, const std::vector<graph::ValueId>& ids, Operands& operands, std::vector<Tensor>& keep) {
  keep.reserve(keep.size() + ids.size());
  for (graph::ValueId id : ids) {
    SampleStep::Operand operand;
    if (id != graph::kNoValue) {
      const graph::Value& value = graph.value(id);
      if (!value.has_type || !value.type.shape.is_static()) return false;
      operand = {true, value.type, known_contents(value, keep)};
    }
    operands.push_back(operand);
  }
  return true;
}

void append_types(std::string& text, const Operands& operands) {
  for (const auto& o : operands) {
    text += o.present ? std::string(dtype_name(o.type.dtype)) + to_string(o.type.shape) : "-";
    if (o.constant) text += "c";
    // Small constants (axes, repeats) steer kernels, so equal steps have equal ones.
    if (o.constant && o.constant->elements() <= 16)
      for (int64_t i = 0; i < o.constant->elements(); ++i) {
        char number[32];
        std::snprintf(number, sizeof number, ",%.9g", element_as_double(o.constant->dtype(), o.constant->data(), i));
        text += number;
      }
    text += ';';
  }
}

std::string signature_of(const graph::Node& node, const Operands& inputs, const Operands& outputs) {
  std::string text(node.op->name);
  text += '|';
  for (const auto& entry : node.attributes.entries()) {
    text += entry.name + '=';
    if (const auto* i = std::get_if<int64_t>(&entry.value)) text += std::to_string(*i);
    else if (const auto* f = std::get_if<float>(&entry.value)) text += std::to_string(*f);
    else if (const auto* s = std::get_if<std::string>(&entry.value)) text += *s;
    else if (const auto* v = std::get_if<std::vector<int64_t>>(&entry.value))
      for (int64_t x : *v) text += std::to_string(x) + ',';
    else if (const auto* w = std::get_if<std::vector<float>>(&entry.value))
      for (float x : *w) text += std::to_string(x) + ',';
    text += ';';
  }
  append_types(text, inputs);
  text += '>';
  append_types(text, outputs);
  return text;
}

struct Candidate {
  const kernels::KernelRow* row;
  kernels::Kernel kernel;
  std::vector<int64_t> times_ns;
  double typical_us() const {  // lower quartile: what the machine does when nobody disturbs it
    std::vector<int64_t> sorted = times_ns;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? -1 : static_cast<double>(sorted[sorted.size() / 4]) / 1e3;
  }
};

bool is_reference(const kernels::KernelRow& row) { return row.name.ends_with("/ref"); }

// Rows that accept and bind, best guess first; refusals are noted. The reference takes part only when nothing else does.
std::vector<Candidate> bind_candidates(std::string_view op, SampleStep& step, TacticChoice& choice) {
  std::vector<Candidate> candidates;
  for (const kernels::KernelRow* row : kernels::rows_of(op)) {
    if (is_reference(*row) && !candidates.empty()) continue;
    std::string refusal = kernels::refusal_of(*row, step.context());
    if (refusal.empty()) {
      auto kernel = row->bind(step.context(step.pack(*row)));
      if (kernel.ok()) candidates.push_back({row, *kernel, {}});
      else refusal = kernel.error().message();
    }
    if (!refusal.empty()) choice.refused.emplace_back(row->name, refusal);
  }
  return candidates;
}

void time_all(std::vector<Candidate>& candidates, SampleStep& step) {
  kernels::SerialWorkers workers;
  for (auto& c : candidates) step.run(c.kernel, workers);
  const int64_t deadline =
      platform::now_ns() + static_cast<int64_t>(kSecondsPerStep * 1e9 * static_cast<double>(candidates.size()));
  for (int round = 0; round < kRoundsMax && (round < kRoundsMin || platform::now_ns() < deadline); ++round)
    for (auto& c : candidates) c.times_ns.push_back(step.run(c.kernel, workers));
}

// Empty when the candidate agrees with the reference row on the same inputs.
Result<std::string> disagreement(const Candidate& candidate, std::string_view op, SampleStep& step) {
  const kernels::KernelRow* reference = kernels::rows_of(op).back();
  if (candidate.row == reference || !is_reference(*reference) || !kernels::refusal_of(*reference, step.context()).empty())
    return std::string();
  const auto kernel = reference->bind(step.context());
  if (!kernel.ok()) return std::string();
  kernels::SerialWorkers workers;
  const auto expected = TRY(step.run_once(*kernel, workers));
  const auto actual = TRY(step.run_once(candidate.kernel, workers));
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!expected[i].data()) continue;
    const double difference = relative_difference(actual[i], expected[i]);
    if (!(difference <= kToleranceRelative)) {
      char text[96];
      std::snprintf(text, sizeof text, "differs from the reference by %.2g (relative) in output %zu", difference, i);
      return std::string(text);
    }
  }
  return std::string();
}

}  // namespace

double relative_difference(const Tensor& candidate, const Tensor& reference) {
  double largest = 0, worst = 0;
  for (int64_t i = 0; i < reference.elements(); ++i) {
    const double r = element_as_double(reference.dtype(), reference.data(), i);
    const double c = element_as_double(candidate.dtype(), candidate.data(), i);
    if (!is_float(reference.dtype())) {
      if (r != c) return 1;
      continue;
    }
    if (std::isnan(r) != std::isnan(c)) return INFINITY;
    if (std::isnan(r)) continue;
    if (std::isinf(r) || std::isinf(c)) {
      if (r != c) return INFINITY;
      continue;
    }
    largest = std::max(largest, std::abs(r));
    worst = std::max(worst, std::abs(r - c));
  }
  return worst == 0 ? 0 : worst / std::max(largest, 1e-30);
}

Result<TacticChoice> TacticChooser::time_candidates(const graph::Graph& graph, const graph::Node& node) {
  Operands inputs, outputs;
  std::vector<Tensor> keep;
  keep.reserve(node.inputs.size() + node.outputs.size());
  TacticChoice choice;
  if (!collect(graph, node.inputs, inputs, keep) || !collect(graph, node.outputs, outputs, keep)) return choice;
  const std::string signature = signature_of(node, inputs, outputs);
  if (const auto known = by_signature_.find(signature); known != by_signature_.end()) return known->second;

  SampleStep step = TRY(SampleStep::make(node.attributes, inputs, outputs, options_.isa));
  std::vector<Candidate> candidates = bind_candidates(node.op->name, step, choice);
  if (seconds_spent_ < options_.budget_seconds && !candidates.empty()) time_all(candidates, step);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.typical_us() < b.typical_us(); });
  for (const Candidate& c : candidates) {
    if (choice.row) {
      char text[96];
      std::snprintf(text, sizeof text, "slower: %.1f us against %.1f us", c.typical_us(), choice.step_us);
      if (c.typical_us() >= 0) choice.refused.emplace_back(c.row->name, text);
      continue;
    }
    const std::string wrong = c.typical_us() < 0 ? "" : TRY(disagreement(c, node.op->name, step));
    if (!wrong.empty()) {
      choice.refused.emplace_back(c.row->name, wrong);
      continue;
    }
    choice.row = c.row;
    choice.step_us = c.typical_us();
  }
  by_signature_.emplace(signature, choice);
  return choice;
}

Result<TacticChoice> TacticChooser::choose(const graph::Graph& graph, const graph::Node& node) {
  const int64_t start = platform::now_ns();
  auto choice = time_candidates(graph, node);
  seconds_spent_ += static_cast<double>(platform::now_ns() - start) * 1e-9;
  return choice;
}

}  // namespace tercel::planner
