#include "graph/infer.h"

#include <algorithm>

#include "graph/text.h"
#include "ops/control.h"

namespace tercel::graph {

namespace {

// Extents that are all numbers, as the integer tensor they stand for.
std::optional<Tensor> tensor_of(const Value& value) {
  if (!value.has_type || !value.dims || !value.type.shape.is_static()) return std::nullopt;
  if (value.type.dtype != DType::kInt64 && value.type.dtype != DType::kInt32) return std::nullopt;
  if (value.type.shape.elements() != static_cast<int64_t>(value.dims->size())) return std::nullopt;
  if (!std::all_of(value.dims->begin(), value.dims->end(), [](Dim d) { return d.is_known(); })) return std::nullopt;
  std::vector<int64_t> wide;
  for (Dim d : *value.dims) wide.push_back(d.size());
  if (value.type.dtype == DType::kInt64) return Tensor::of<int64_t>(DType::kInt64, value.type.shape, wide);
  const std::vector<int32_t> narrow(wide.begin(), wide.end());
  return Tensor::of<int32_t>(DType::kInt32, value.type.shape, narrow);
}

Result<void> check_size(const TensorType& type) {
  if (type.shape.is_static()) TRY(checked_elements(type.shape));
  return {};
}

}  // namespace

Result<void> Inference::infer(Graph& graph, int depth) {
  if (depth > kGraphDepthMax) return too_large("subgraphs nest deeper than " + std::to_string(kGraphDepthMax) + " levels");
  for (const Node& node : graph.nodes) {
    const auto result = infer_node(graph, node, depth);
    if (!result) return result.error().within(describe(node));
  }
  return {};
}

Result<void> Inference::infer_node(Graph& graph, const Node& node, int depth) {
  if (--visits_left_ < 0)
    return too_large("nested loops need more than " + std::to_string(kVisitsMax) +
                     " steps of shape inference; flatten the loops");
  return ops::is_control(node.op->name) ? infer_control(graph, node, depth) : infer_plain(graph, node);
}

Result<void> Inference::infer_plain(Graph& graph, const Node& node) {
  std::vector<ops::InferContext::Input> inputs(node.inputs.size());
  std::vector<std::optional<Tensor>> known(node.inputs.size());  // keeps contents that are known as extents
  bool typed = true;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Value& value = graph.value(node.inputs[i]);
    typed = typed && value.has_type;
    if (!value.constant) known[i] = tensor_of(value);
    const Tensor* contents = value.constant ? &*value.constant : known[i] ? &*known[i] : nullptr;
    inputs[i] = {true, value.type, contents, value.dims ? &*value.dims : nullptr};
  }
  ops::InferContext context(node.attributes, inputs, node.outputs.size());
  if (typed) {
    const auto result = node.op->infer(context);
    if (!result && result.error().code() != ErrorCode::kNeedsValue) return result.error();
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const auto& output = context.outputs()[i];
    if (node.outputs[i] == kNoValue) continue;
    if (output.has_type) TRY(check_size(output.type));
    Value& value = graph.value(node.outputs[i]);
    value.type = output.type;
    value.has_type = output.has_type;
    value.dims = output.dims;
  }
  return {};
}

Result<void> infer_shapes(Model& model, Graph& graph) {
  // An output whose type depends on data keeps the type that its file declared: users ask for it.
  std::vector<std::optional<TensorType>> declared;
  for (ValueId id : graph.outputs)
    declared.push_back(graph.value(id).has_type ? std::optional(graph.value(id).type) : std::nullopt);
  TRY(Inference(model).infer(graph, 0));
  for (size_t i = 0; i < declared.size(); ++i) {
    Value& value = graph.value(graph.outputs[i]);
    if (value.has_type || !declared[i]) continue;
    value.type = *declared[i];
    value.has_type = true;
  }
  return {};
}

Result<void> infer_node(Model& model, Graph& graph, const Node& node) { return Inference(model).infer_node(graph, node, 0); }

Result<void> infer_shapes(Model& model) { return infer_shapes(model, model.main()); }

}  // namespace tercel::graph
