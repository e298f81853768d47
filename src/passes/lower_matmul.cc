#include "passes/match.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

struct Operand {
  ValueId x;
  bool transposed = false;
  double factor = 1;
};

bool swaps_last_two(std::span<const int64_t> perm) {
  const size_t rank = perm.size();
  if (rank < 2) return false;
  for (size_t i = 0; i + 2 < rank; ++i)
    if (perm[i] != static_cast<int64_t>(i)) return false;
  return perm[rank - 1] == static_cast<int64_t>(rank - 2);
}

// Looks through scales and transposes of the last two axes. A value with other readers is computed anyway: then reading
// it is cheapest.
Operand look_through(const Editor& e, ValueId value) {
  Operand operand{value};
  for (;;) {
    const Scaled scaled = peel_scale(e, operand.x);
    operand.x = scaled.x;
    operand.factor *= scaled.factor;
    const NodeId transpose = e.producer_is(operand.x, "Transpose");
    if (transpose == kNoNode || !e.single_reader(operand.x) || !swaps_last_two(permutation_of(e, e.node(transpose))))
      return operand;
    operand.x = e.node(transpose).inputs[0];
    operand.transposed = !operand.transposed;
  }
}

bool lower(Editor& e, NodeId id) {
  const Node& node = e.node(id);
  for (ValueId input : node.inputs)
    if (!is_float32(e, input) || e.type(input).shape.rank() < 2) return false;
  const Operand a = look_through(e, node.inputs[0]), b = look_through(e, node.inputs[1]);
  Node lowered{ops::find_op("tercel.MatMul"), node.name, {}, {a.x, b.x}, node.outputs};
  if (a.transposed) lowered.attributes.set("transA", int64_t{1});
  if (b.transposed) lowered.attributes.set("transB", int64_t{1});
  const double alpha = a.factor * b.factor;
  if (alpha != 1) lowered.attributes.set("alpha", static_cast<float>(alpha));
  e.replace(id, std::move(lowered));
  return true;
}

// A scale of the product.
bool absorb_scale(Editor& e, NodeId id) {
  const Node& node = e.node(id);
  if (!e.single_reader(node.outputs[0])) return false;
  const NodeId reader = e.readers(node.outputs[0])[0];
  const ValueId output = e.node(reader).outputs[0];
  double constant = 1, factor = 1;
  if (scalar_operand(e, output, "Mul", &constant)) factor = constant;
  else if (scalar_operand(e, output, "Div", &constant) && constant != 0) factor = 1 / constant;
  else return false;
  Node scaled = node;
  scaled.attributes.set("alpha", static_cast<float>(node.attributes.get_float("alpha", 1) * factor));
  e.absorb(id, reader, std::move(scaled));
  return true;
}

}  // namespace

Result<int> lower_matmul(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id) {
      if (!e.alive(id) || !e.node(id).is("MatMul") || !lower(e, id)) continue;
      ++changes;
      while (absorb_scale(e, id)) ++changes;
    }
  }
  return changes;
}

}  // namespace tercel::passes
