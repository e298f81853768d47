#include "graph/infer.h"
#include "graph/text.h"
#include "ops/control.h"

namespace tercel::graph {

namespace {

// Rounds in which loop-carried extents that differ between iterations are given up one by one; then all types are.
constexpr int kLoopRounds = 4;

struct Fact {
  bool has_type = false;
  TensorType type;
  std::optional<std::vector<Dim>> dims;
};

Fact fact_of(const Graph& graph, ValueId id) {
  if (id == kNoValue) return {};
  const Value& value = graph.value(id);
  // The contents of a constant matter to shape rules only where it is a small list of integers.
  if (value.constant && value.constant->elements() <= kRankMax && is_integer(value.type.dtype) && !value.dims) {
    std::vector<Dim> dims;
    for (int64_t v : as_ints(*value.constant)) {
      if (v < 0) return {value.has_type, value.type, std::nullopt};
      dims.push_back(Dim(v));
    }
    return {value.has_type, value.type, std::move(dims)};
  }
  return {value.has_type, value.type, value.dims};
}

void set_fact(Graph& graph, ValueId id, Fact fact) {
  if (id == kNoValue || graph.value(id).constant) return;
  Value& value = graph.value(id);
  value.has_type = fact.has_type;
  value.type = fact.type;
  value.dims = std::move(fact.dims);
}

// What holds of both: equal extents stay, others become unknown; different ranks leave no type.
Result<Fact> either(const Fact& a, const Fact& b) {
  if (!a.has_type || !b.has_type) return Fact{};
  if (a.type.dtype != b.type.dtype)
    return invalid("a value is " + std::string(dtype_name(a.type.dtype)) + " on one path and " +
                   std::string(dtype_name(b.type.dtype)) + " on another; insert a Cast");
  if (a.type.shape.rank() != b.type.shape.rank()) return Fact{};
  Fact both{true, a.type, std::nullopt};
  for (int i = 0; i < a.type.shape.rank(); ++i)
    if (!a.type.shape[i].same_as(b.type.shape[i])) both.type.shape[i] = Dim::unknown();
  return both;
}

bool same(const Fact& a, const Fact& b) { return a.has_type == b.has_type && (!a.has_type || a.type == b.type); }

Fact scalar(DType dtype) { return {true, {dtype, Shape{}}, std::nullopt}; }

// The type of a slice without `axis`, and back.
Result<Fact> slice_of(const Fact& whole, int64_t axis, Dim& length) {
  if (!whole.has_type) return Fact{};
  const int at = TRY(normalize_axis(axis, whole.type.shape.rank()));
  length = whole.type.shape[at];
  Fact slice{true, {whole.type.dtype, Shape{}}, std::nullopt};
  for (int i = 0; i < whole.type.shape.rank(); ++i)
    if (i != at) slice.type.shape.push_back(whole.type.shape[i]);
  return slice;
}

Result<Fact> stack_of(const Fact& slice, int64_t axis, Dim length) {
  if (!slice.has_type) return Fact{};
  const int rank = slice.type.shape.rank();
  if (rank == kRankMax) return too_large("a stacked output would have more than " + std::to_string(kRankMax) + " axes");
  const int at = TRY(normalize_axis(axis, rank + 1));
  Fact whole{true, {slice.type.dtype, Shape{}}, std::nullopt};
  for (int i = 0; i <= rank; ++i) whole.type.shape.push_back(i == at ? length : slice.type.shape[i < at ? i : i - 1]);
  return whole;
}

int64_t at_or_zero(std::span<const int64_t> values, size_t i) { return i < values.size() ? values[i] : 0; }

void pass_captures(Graph& outer, const Node& node, Graph& inner) {
  const auto captures = static_cast<size_t>(node.attributes.get_int(ops::kCaptures, 0));
  for (size_t i = 0; i < captures; ++i)
    set_fact(inner, inner.inputs[inner.inputs.size() - 1 - i], fact_of(outer, node.inputs[node.inputs.size() - 1 - i]));
}

}  // namespace

Result<void> Inference::infer_control(Graph& graph, const Node& node, int depth) {
  const int64_t captures = node.attributes.get_int(ops::kCaptures, 0);
  if (captures < 0 || captures >= static_cast<int64_t>(node.inputs.size()) + 1)
    return invalid("its inputs do not match its captures");
  if (node.is("If")) return infer_if(graph, node, depth);
  const int64_t carried = ops::carried_count(node.op->name, node.attributes, node.inputs.size());
  if (carried < 0) return invalid("its inputs do not match its captures");
  if (node.outputs.size() < static_cast<size_t>(carried)) return invalid("it has fewer outputs than carried values");
  return node.is("Loop") ? infer_loop(graph, node, depth) : infer_scan(graph, node, depth);
}

Result<Graph*> Inference::subgraph(const Node& node, std::string_view attribute, size_t inputs, size_t outputs) {
  const auto* reference = node.attributes.get<ops::GraphRef>(attribute);
  if (!reference || reference->index >= model_.graphs.size())
    return invalid("the attribute " + std::string(attribute) + " is missing");
  Graph* graph = &model_.graphs[reference->index];
  if (graph->inputs.size() != inputs || graph->outputs.size() != outputs)
    return invalid("the subgraph " + std::string(attribute) + " has " + std::to_string(graph->inputs.size()) + " inputs and " +
                   std::to_string(graph->outputs.size()) + " outputs where the node has " + std::to_string(inputs) + " and " +
                   std::to_string(outputs));
  return graph;
}

Result<void> Inference::infer_if(Graph& graph, const Node& node, int depth) {
  const auto captures = static_cast<size_t>(node.attributes.get_int(ops::kCaptures, 0));
  Graph* branches[2] = {TRY(subgraph(node, ops::kThenBranch, captures, node.outputs.size())),
                        TRY(subgraph(node, ops::kElseBranch, captures, node.outputs.size()))};
  for (Graph* branch : branches) {
    pass_captures(graph, node, *branch);
    TRY(infer(*branch, depth + 1));
  }
  for (size_t i = 0; i < node.outputs.size(); ++i)
    set_fact(graph, node.outputs[i],
             TRY(either(fact_of(*branches[0], branches[0]->outputs[i]), fact_of(*branches[1], branches[1]->outputs[i]))));
  return {};
}

// Infers `body` until its carried inputs have types that hold in every iteration.
Result<void> Inference::infer_body(Graph& body, size_t first_input, size_t first_output, size_t carried, int depth) {
  for (int round = 0;; ++round) {
    TRY(infer(body, depth + 1));
    bool stable = true;
    for (size_t i = 0; i < carried; ++i) {
      const ValueId input = body.inputs[first_input + i];
      Fact before = fact_of(body, input);
      Fact after = TRY(either(before, fact_of(body, body.outputs[first_output + i])));
      if (same(before, after)) continue;
      stable = false;
      set_fact(body, input, round < kLoopRounds ? std::move(after) : Fact{});
    }
    if (stable) return {};
  }
}

Result<void> Inference::infer_loop(Graph& graph, const Node& node, int depth) {
  const auto carried = static_cast<size_t>(ops::carried_count("Loop", node.attributes, node.inputs.size()));
  Graph& body = *TRY(subgraph(node, ops::kBody, node.inputs.size(), node.outputs.size() + 1));
  pass_captures(graph, node, body);
  set_fact(body, body.inputs[0], scalar(DType::kInt64));
  set_fact(body, body.inputs[1], scalar(DType::kBool));
  for (size_t i = 0; i < carried; ++i) {
    Fact fact = fact_of(graph, node.inputs[2 + i]);
    fact.dims.reset();
    set_fact(body, body.inputs[2 + i], std::move(fact));
  }
  TRY(infer_body(body, 2, 1, carried, depth));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    Fact fact =
        i < carried ? fact_of(body, body.inputs[2 + i]) : TRY(stack_of(fact_of(body, body.outputs[1 + i]), 0, Dim::unknown()));
    set_fact(graph, node.outputs[i], std::move(fact));
  }
  return {};
}

Result<void> Inference::infer_scan(Graph& graph, const Node& node, int depth) {
  const auto carried = static_cast<size_t>(ops::carried_count("Scan", node.attributes, node.inputs.size()));
  const auto scanned = static_cast<size_t>(node.attributes.get_int("num_scan_inputs", 0));
  if (scanned == 0) return invalid("num_scan_inputs must be at least 1");
  Graph& body = *TRY(subgraph(node, ops::kBody, node.inputs.size(), node.outputs.size()));
  pass_captures(graph, node, body);
  for (size_t i = 0; i < carried; ++i) {
    Fact fact = fact_of(graph, node.inputs[i]);
    fact.dims.reset();
    set_fact(body, body.inputs[i], std::move(fact));
  }
  Dim length = Dim::unknown();
  for (size_t i = carried; i < carried + scanned; ++i) {
    Dim own = Dim::unknown();
    set_fact(
        body, body.inputs[i],
        TRY(slice_of(fact_of(graph, node.inputs[i]), at_or_zero(node.attributes.get_ints("scan_input_axes"), i - carried), own)));
    if (length.is_known() && own.is_known() && !length.same_as(own))
      return invalid("its scanned inputs have different lengths: " + std::to_string(length.size()) + " and " +
                     std::to_string(own.size()));
    if (!length.is_known() && !own.is_unknown()) length = own;
  }
  TRY(infer_body(body, 0, 0, carried, depth));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Fact inner = fact_of(body, body.outputs[i]);
    Fact fact = i < carried ? fact_of(body, body.inputs[i])
                            : TRY(stack_of(inner, at_or_zero(node.attributes.get_ints("scan_output_axes"), i - carried), length));
    set_fact(graph, node.outputs[i], std::move(fact));
  }
  return {};
}

}  // namespace tercel::graph
