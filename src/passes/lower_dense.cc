#include "passes/match.h"
#include "passes/passes.h"

namespace tercel::passes {

namespace {

// A constant float32 matrix.
const Tensor* weight_matrix(const Editor& e, ValueId id) {
  const Tensor* constant = e.graph().constant(id);
  return constant && constant->dtype() == DType::kFloat32 && constant->shape().rank() == 2 ? constant : nullptr;
}

Node dense(std::string name, ValueId x, ValueId weights, bool transposed, ValueId output) {
  Node node{ops::find_op("tercel.Dense"), std::move(name), {}, {x, weights}, {output}};
  if (transposed) node.attributes.set("transB", int64_t{1});
  return node;
}

bool lower_matmul_node(Editor& e, NodeId id) {
  const Node& node = e.node(id);
  if (!is_float32(e, node.inputs[0]) || e.type(node.inputs[0]).shape.rank() < 2 || !weight_matrix(e, node.inputs[1]))
    return false;
  e.replace(id, dense(node.name, node.inputs[0], node.inputs[1], false, node.outputs[0]));
  return true;
}

Result<ValueId> scaled_constant(Editor& e, ValueId id, double factor) {
  if (factor == 1) return id;
  const Tensor old = *e.graph().constant(id);
  std::vector<double> values = doubles_of(old);
  for (double& v : values) v *= factor;
  return e.add_constant(e.value(id).name + "/scaled", TRY(float_tensor(old.shape(), values)));
}

// Input C of a Gemm as a bias of one number a column: [N], [1, N], or one number; kNoValue when it is something else.
Result<ValueId> bias_of(Editor& e, ValueId c, int64_t columns, double beta) {
  const Tensor* constant = e.graph().constant(c);
  if (!constant || constant->dtype() != DType::kFloat32 || constant->shape().rank() > 2) return kNoValue;
  const Shape shape = constant->shape();
  const bool row = shape.rank() > 0 && shape.size(shape.rank() - 1) == columns && constant->elements() == columns;
  if (!row && constant->elements() != 1) return kNoValue;
  if (row && shape.rank() == 1 && beta == 1) return c;
  std::vector<double> values = doubles_of(*constant);
  values.resize(static_cast<size_t>(columns), values.empty() ? 0.0 : values[0]);
  for (double& v : values) v *= beta;
  return e.add_constant(e.value(c).name + "/bias", TRY(float_tensor(Shape{columns}, values)));
}

Result<bool> lower_gemm(Editor& e, NodeId id) {
  const Node node = e.node(id);
  const Tensor* weights = weight_matrix(e, node.inputs[1]);
  if (!weights || !is_float32(e, node.inputs[0]) || node.attributes.get_int("transA", 0) != 0) return false;
  const bool transposed = node.attributes.get_int("transB", 0) != 0;
  const int64_t columns = weights->shape().size(transposed ? 0 : 1);
  const double alpha = node.attributes.get_float("alpha", 1), beta = node.attributes.get_float("beta", 1);
  const ValueId c = beta == 0 ? kNoValue : input_of(node, 2);
  const ValueId bias = c == kNoValue ? kNoValue : TRY(bias_of(e, c, columns, beta));
  const bool add_apart = c != kNoValue && bias == kNoValue;  // C is an activation, or a matrix
  if (add_apart && beta != 1) return false;

  const ValueId scaled = TRY(scaled_constant(e, node.inputs[1], alpha));
  if (!add_apart) {
    Node lowered = dense(node.name, node.inputs[0], scaled, transposed, node.outputs[0]);
    if (bias != kNoValue) lowered.inputs.push_back(bias);
    e.replace(id, std::move(lowered));
    return true;
  }
  const ValueId product = e.add_value(node.name + "/product", e.type(node.outputs[0]));
  e.add(dense(node.name + "/product", node.inputs[0], scaled, transposed, product));
  e.replace(id, {ops::find_op("Add"), node.name, {}, {product, c}, {node.outputs[0]}});
  return true;
}

}  // namespace

Result<int> lower_dense(graph::Model& model) {
  int changes = 0;
  for (graph::Graph& graph : model.graphs) {
    Editor e(graph);
    for (NodeId id = 0; id < e.size(); ++id) {
      if (!e.alive(id)) continue;
      if (e.node(id).is("MatMul")) changes += lower_matmul_node(e, id);
      else if (e.node(id).is("Gemm")) changes += TRY(lower_gemm(e, id));
    }
  }
  return changes;
}

}  // namespace tercel::passes
