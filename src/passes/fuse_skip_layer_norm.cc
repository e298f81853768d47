#include "passes/match.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

bool is_vector(const Editor& e, ValueId id, Dim extent) {
  const Tensor* constant = e.graph().constant(id);
  return constant && constant->dtype() == DType::kFloat32 && constant->shape().rank() == 1 && constant->shape()[0] == extent;
}

bool normalizes_last_axis(const Editor& e, const Node& node) {
  if (!only_first_output(node) || !is_float32(e, node.inputs[0])) return false;
  const Shape& shape = e.type(node.inputs[0]).shape;
  const int64_t axis = node.attributes.get_int("axis", -1);
  if (shape.rank() < 1 || (axis != -1 && axis != shape.rank() - 1)) return false;
  const Dim channels = shape[shape.rank() - 1];
  return is_vector(e, node.inputs[1], channels) && (!has_input(node, 2) || is_vector(e, node.inputs[2], channels));
}

Result<bool> fuse(Editor& e, NodeId id) {
  const Node norm = e.node(id);
  if (!normalizes_last_axis(e, norm)) return false;
  const ValueId sum = norm.inputs[0];
  const NodeId add = e.producer_is(sum, "Add");
  if (add == kNoNode) return false;
  const ValueId x = e.node(add).inputs[0], residual = e.node(add).inputs[1];
  if (!same_type(e.value(x), e.value(residual)) || e.graph().constant(x) || e.graph().constant(residual)) return false;

  ValueId bias = input_of(norm, 2);
  if (bias == kNoValue) {
    const auto channels = e.graph().constant(norm.inputs[1])->elements();
    bias = e.add_constant(norm.name + "/bias",
                          TRY(float_tensor(Shape{channels}, std::vector<double>(static_cast<size_t>(channels), 0.0))));
  }
  Node node{ops::find_op("tercel.SkipLayerNormalization"), norm.name, {}, {x, residual, norm.inputs[1], bias}, {norm.outputs[0]}};
  node.attributes.set("epsilon", norm.attributes.get_float("epsilon", 1e-5f));
  const bool sum_is_read = !e.single_reader(sum);
  if (sum_is_read) node.outputs.push_back(sum);
  e.replace(id, std::move(node));
  if (sum_is_read) e.erase(add);  // otherwise it went when its only reader did
  return true;
}

}  // namespace

Result<int> fuse_skip_layer_norm(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id)
      if (e.alive(id) && e.node(id).is("LayerNormalization")) changes += TRY(fuse(e, id));
  }
  return changes;
}

}  // namespace tercel::passes
