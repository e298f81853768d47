#include "planner/model_at.h"

namespace tercel::planner {

Result<graph::Model> model_at(const graph::Model& model, const BucketShapes& shapes) {
  graph::Model fixed = model;
  graph::Graph& main = fixed.main();
  for (graph::Value& value : main.values) {
    value.has_type = value.constant.has_value();
    value.dims.reset();
  }
  for (size_t i = 0; i < main.inputs.size(); ++i) {
    main.value(main.inputs[i]).type.shape = shapes[i];
    main.value(main.inputs[i]).has_type = true;
  }
  TRY(graph::infer_shapes(fixed));
  return fixed;
}

namespace {

// 0 where the extents depend on data.
double bytes_of(const graph::Graph& graph, graph::ValueId id) {
  if (id == graph::kNoValue) return 0;
  const graph::Value& value = graph.value(id);
  return value.has_type && value.type.shape.is_static() ? static_cast<double>(value.type.bytes()) : 0;
}

bool types_of(const graph::Graph& graph, const std::vector<graph::ValueId>& ids, std::vector<TensorType>& types) {
  for (graph::ValueId id : ids) {
    if (id == graph::kNoValue) {
      types.emplace_back();
      continue;
    }
    if (!graph.value(id).has_type || !graph.value(id).type.shape.is_static()) return false;
    types.push_back(graph.value(id).type);
  }
  return true;
}

double flops_of(const graph::Graph& graph, const graph::Node& node) {
  std::vector<TensorType> inputs, outputs;
  if (!types_of(graph, node.inputs, inputs) || !types_of(graph, node.outputs, outputs)) return 0;
  if (node.op->flops) return node.op->flops(node.attributes, inputs, outputs);
  double elements = 0;
  for (const TensorType& type : outputs) elements += static_cast<double>(type.shape.elements());
  return elements;
}

}  // namespace

ModelCost cost_of(const graph::Model& fixed) {
  const graph::Graph& main = fixed.main();
  ModelCost cost;
  for (const graph::Node& node : main.nodes) {
    cost.flops += flops_of(main, node);
    for (graph::ValueId id : node.outputs) cost.activation_bytes += bytes_of(main, id);
  }
  for (graph::ValueId id : main.inputs) cost.input_bytes += bytes_of(main, id);
  for (graph::ValueId id : main.outputs) cost.output_bytes += bytes_of(main, id);
  return cost;
}

}  // namespace tercel::planner
