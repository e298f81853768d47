#include <algorithm>

#include "base/checked.h"
#include "ops/control.h"
#include "passes/evaluate.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

// A folded value may be this large, and above kSmallBytes at most kGrowthMax times what it is made from: a plan must not
// grow because an Expand was computed ahead.
constexpr int64_t kFoldedBytesMax = int64_t{64} << 20;
constexpr int64_t kSmallBytes = int64_t{1} << 20;
constexpr int64_t kGrowthMax = 4;
constexpr double kFlopsMax = 2e8;  // the reference kernels are slow

bool all_static(const Editor& e, const Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(),
                     [&](ValueId id) { return id == kNoValue || (e.value(id).has_type && e.type(id).shape.is_static()); });
}

bool small_enough(const Editor& e, const Node& node) {
  int64_t in = 0, out = 0;
  for (ValueId id : node.inputs)
    if (id != kNoValue) in += static_cast<int64_t>(e.graph().constant(id)->bytes());
  std::vector<TensorType> sources, results;
  for (ValueId id : node.inputs) sources.push_back(id == kNoValue ? TensorType() : e.type(id));
  for (ValueId id : node.outputs) {
    results.push_back(id == kNoValue ? TensorType() : e.type(id));
    const auto elements = checked_elements(results.back().shape);
    if (!elements || *elements > kFoldedBytesMax) return false;
    out += *elements * static_cast<int64_t>(dtype_size(results.back().dtype));
  }
  if (node.op->flops && node.op->flops(node.attributes, sources, results) > kFlopsMax) return false;
  return out <= kFoldedBytesMax && (out <= kSmallBytes || out <= kGrowthMax * in);
}

bool foldable(const Editor& e, const Node& node) {
  if (!node.op->deterministic || ops::is_control(node.op->name)) return false;
  for (ValueId id : node.inputs)
    if (id != kNoValue && !e.graph().constant(id)) return false;
  return all_static(e, node) && small_enough(e, node);
}

// What shape inference knows about the contents of a small integer value, when it knows all of it.
std::optional<Tensor> known_contents(const graph::Value& value) {
  if (!value.dims || !value.has_type || !value.type.shape.is_static()) return std::nullopt;
  std::vector<int64_t> sizes;
  for (Dim d : *value.dims) {
    if (!d.is_known()) return std::nullopt;
    sizes.push_back(d.size());
  }
  if (value.type.shape.elements() != static_cast<int64_t>(sizes.size())) return std::nullopt;
  if (value.type.dtype == DType::kInt64) return Tensor::of<int64_t>(DType::kInt64, value.type.shape, sizes);
  if (value.type.dtype != DType::kInt32) return std::nullopt;
  if (std::any_of(sizes.begin(), sizes.end(), [](int64_t s) { return s > INT32_MAX; })) return std::nullopt;
  const std::vector<int32_t> narrow(sizes.begin(), sizes.end());
  return Tensor::of<int32_t>(DType::kInt32, value.type.shape, narrow);
}

int fold_known(Editor& e, NodeId id) {
  int changes = 0;
  const std::vector<ValueId> outputs = e.node(id).outputs;
  for (ValueId output : outputs) {
    if (output == kNoValue || !e.alive(id)) continue;
    if (auto contents = known_contents(e.value(output))) {
      e.set_constant(output, std::move(*contents));
      ++changes;
    }
  }
  return changes;
}

int fold_node(Editor& e, NodeId id) {
  const Node& node = e.node(id);
  if (!ops::is_control(node.op->name) && node.op->deterministic) {
    if (const int changes = fold_known(e, id)) return changes;
  }
  if (!foldable(e, node)) return 0;
  std::vector<const Tensor*> inputs;
  std::vector<bool> wanted;
  for (ValueId input : node.inputs) inputs.push_back(e.graph().constant(input));
  for (ValueId output : node.outputs) wanted.push_back(output != kNoValue);
  auto results = evaluate(*node.op, node.attributes, inputs, wanted);
  if (!results) return 0;  // no kernel takes it: the engine will say so if the step is still there
  const std::vector<ValueId> outputs = node.outputs;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (wanted[i]) e.set_constant(outputs[i], std::move((*results)[i]));
  return 1;
}

// Moves constants that a control node captures into its subgraphs, so that what depends on them folds there.
int sink_captures(graph::Model& model, Node& node) {
  const int64_t captures = node.attributes.get_int(ops::kCaptures, 0);
  const graph::Graph& parent = *std::find_if(model.graphs.begin(), model.graphs.end(), [&](const graph::Graph& g) {
    return !g.nodes.empty() && &node >= g.nodes.data() && &node < g.nodes.data() + g.nodes.size();
  });
  std::vector<graph::Graph*> children;
  for (const auto& entry : node.attributes.entries())
    if (const auto* reference = std::get_if<ops::GraphRef>(&entry.value)) children.push_back(&model.graphs[reference->index]);
  int moved = 0;
  for (int64_t back = 1; back <= captures; ++back) {  // from the last: erasing keeps the others' places from the end
    const auto from_end = static_cast<std::ptrdiff_t>(back - moved);
    const auto place = node.inputs.end() - from_end;
    const Tensor* constant = parent.constant(*place);
    if (!constant) continue;
    for (graph::Graph* child : children) {
      const auto formal = child->inputs.end() - from_end;
      graph::Value& value = child->value(*formal);
      value.constant = *constant;
      value.type = constant->type();
      value.has_type = true;
      child->inputs.erase(formal);
    }
    node.inputs.erase(place);
    ++moved;
  }
  node.attributes.set(ops::kCaptures, captures - moved);
  return moved;
}

}  // namespace

Result<int> fold_constants(graph::Model& model) {
  int changes = 0;
  std::vector<int> references(model.graphs.size(), 0);
  for (const graph::Graph& graph : model.graphs)
    for (const Node& node : graph.nodes)
      for (const auto& entry : node.attributes.entries())
        if (const auto* reference = std::get_if<ops::GraphRef>(&entry.value)) ++references[reference->index];
  const bool shared = std::any_of(references.begin(), references.end(), [](int count) { return count > 1; });

  for (graph::Graph& graph : model.graphs) {  // parents come before their children
    {
      Editor e(graph);
      for (NodeId id = 0; id < e.size(); ++id)
        if (e.alive(id)) changes += fold_node(e, id);
    }
    for (Node& node : graph.nodes)
      if (ops::is_control(node.op->name) && !shared) changes += sink_captures(model, node);
  }
  return changes;
}

}  // namespace tercel::passes
