#include "passes/match.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

// value = op(x) over one axis, kept; that axis.
std::optional<int64_t> single_axis(const Editor& e, NodeId id) {
  if (id == kNoNode || e.node(id).attributes.get_int("keepdims", 1) != 1) return std::nullopt;
  const auto axes = reduced_axes(e, e.node(id));
  return axes && axes->size() == 1 ? std::optional((*axes)[0]) : std::nullopt;
}

// exp(x - max(x)) / sum(exp(x - max(x))). Without the maximum it would overflow where Softmax does not, so it stays.
bool rewrite(Editor& e, NodeId id) {
  const Node node = e.node(id);
  const ValueId exponential = node.inputs[0];
  const NodeId exp = e.producer_is(exponential, "Exp"), sum = e.producer_is(node.inputs[1], "ReduceSum");
  const auto axis = single_axis(e, sum);
  if (exp == kNoNode || !axis || e.node(sum).inputs[0] != exponential) return false;
  if (e.is_output(exponential) || e.readers(exponential).size() != 2 || !e.single_reader(node.inputs[1])) return false;
  const ValueId shifted = e.node(exp).inputs[0];
  const NodeId sub = e.producer_is(shifted, "Sub");
  if (sub == kNoNode || !e.single_reader(shifted)) return false;
  const ValueId x = e.node(sub).inputs[0], maximum = e.node(sub).inputs[1];
  const NodeId max = e.producer_is(maximum, "ReduceMax");
  if (single_axis(e, max) != axis || e.node(max).inputs[0] != x || !e.single_reader(maximum)) return false;
  Node softmax{ops::find_op("Softmax"), node.name, {}, {x}, node.outputs};
  softmax.attributes.set("axis", *axis);
  e.replace(id, std::move(softmax));
  return true;
}

}  // namespace

Result<int> recognise_softmax(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id)
      if (e.alive(id) && e.node(id).is("Div")) changes += rewrite(e, id);
  }
  return changes;
}

}  // namespace tercel::passes
