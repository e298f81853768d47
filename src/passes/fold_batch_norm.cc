#include "passes/affine.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

// Into the linear operator that makes its input. Two readers of that input, or an Add or Concat between, keep it out.
Result<bool> fold_into_producer(Editor& e, NodeId id, const Affine& affine) {
  const ValueId x = e.node(id).inputs[0];
  const NodeId before = e.producer(x);
  if (before == kNoNode || !e.single_reader(x)) return false;
  const auto linear = linear_of(e, e.node(before));
  if (!linear || linear->axis != 1 || linear->outputs != static_cast<int64_t>(affine.scale.size())) return false;
  e.absorb(before, id, TRY(fold_after(e, e.node(before), affine)));
  return true;
}

// Into the linear operator that alone reads its output.
Result<bool> fold_into_reader(Editor& e, NodeId id, const Affine& affine) {
  const ValueId y = e.node(id).outputs[0];
  if (!e.single_reader(y)) return false;
  const NodeId reader = e.readers(y)[0];
  const Node& after = e.node(reader);
  const auto linear = linear_of(e, after);
  if (!linear || after.inputs[0] != y || linear->inputs != static_cast<int64_t>(affine.scale.size())) return false;
  // BatchNormalization has its channels on axis 1 of its input, which is the reader's own only then.
  if (after.is("tercel.Dense") ? e.type(y).shape.rank() != 2 : after.attributes.get_int("channels_last", 0) != 0) return false;
  auto folded = TRY(fold_before(e, after, affine, e.node(id).inputs[0]));
  if (!folded) return false;
  e.replace(reader, std::move(*folded));
  return true;
}

// A multiply and an add, which fuse with what is around them.
Result<void> split(Editor& e, NodeId id, const Affine& affine) {
  const Node node = e.node(id);
  Shape shape{static_cast<int64_t>(affine.scale.size())};
  for (int i = 2; i < e.type(node.inputs[0]).shape.rank(); ++i) shape.push_back(1);
  const ValueId scale = e.add_constant(node.name + "/scale", TRY(float_tensor(shape, affine.scale)));
  const ValueId shift = e.add_constant(node.name + "/shift", TRY(float_tensor(shape, affine.shift)));
  const ValueId scaled = e.add("Mul", node.name + "/scaled", {node.inputs[0], scale}, {}, e.type(node.inputs[0]));
  e.replace(id, {ops::find_op("Add"), node.name, {}, {scaled, shift}, {node.outputs[0]}});
  return {};
}

Result<int> fold(Editor& e, NodeId id) {
  const auto affine = batch_norm_affine(e, e.node(id));
  if (!affine || e.type(e.node(id).inputs[0]).shape.rank() < 2) return 0;
  if (TRY(fold_into_producer(e, id, *affine))) return 1;
  if (TRY(fold_into_reader(e, id, *affine))) return 1;
  TRY(split(e, id, *affine));
  return 1;
}

}  // namespace

Result<int> fold_batch_norm(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id)
      if (e.alive(id) && e.node(id).is("BatchNormalization")) changes += TRY(fold(e, id));
  }
  return changes;
}

}  // namespace tercel::passes
