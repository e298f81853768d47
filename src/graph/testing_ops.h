#pragma once

#include "graph/graph.h"
#include "ops/control.h"
#include "ops/registry.h"

// Operators and shorthands for the tests of this folder: they do not depend on the real operators' tables.
namespace tercel::graph::testing {

inline Result<void> infer_add(ops::InferContext& context) {
  context.set_output(0, context.dtype(0), TRY(broadcast(context.shape(0), context.shape(1))));
  return {};
}

inline Result<void> infer_shape(ops::InferContext& context) {
  const Shape& shape = context.shape(0);
  context.set_output(0, DType::kInt64, Shape{Dim(shape.rank())});
  context.set_output_dims(0, {shape.begin(), shape.end()});
  return {};
}

inline Result<void> infer_reshape(ops::InferContext& context) {
  if (const auto dims = context.dims(1)) {
    context.set_output(0, context.dtype(0), Shape(*dims));
    return {};
  }
  Shape shape;
  if (!context.shape(1)[0].is_known()) return Error(ErrorCode::kNeedsValue, "unknown rank");
  for (int64_t i = 0; i < context.shape(1)[0].size(); ++i) shape.push_back(Dim::unknown());
  context.set_output(0, context.dtype(0), shape);
  return Error(ErrorCode::kNeedsValue, "unknown shape");
}

// Two outputs: the input, and an int64 list whose length depends on data.
inline Result<void> infer_pair(ops::InferContext& context) {
  context.set_output(0, context.dtype(0), context.shape(0));
  context.set_output(1, DType::kInt64, Shape{Dim::unknown()});
  return {};
}

// Asks for the contents of its second input, as Slice and Tile do.
inline Result<void> infer_repeat(ops::InferContext& context) {
  const auto counts = TRY(context.ints(1));
  context.set_output(0, context.dtype(0), Shape(std::span<const int64_t>(counts)));
  return {};
}

inline const ops::OpDef kAdd = {"Add", 2, 2, 1, 1, infer_add};
inline const ops::OpDef kShape = {"Shape", 1, 1, 1, 1, infer_shape};
inline const ops::OpDef kReshape = {"Reshape", 2, 2, 1, 1, infer_reshape};
inline const ops::OpDef kPair = {"Pair", 1, 1, 1, 2, infer_pair};
inline const ops::OpDef kRepeat = {"Repeat", 2, 2, 1, 1, infer_repeat};

inline const ops::OpDef& control_op(std::string_view name) {
  for (const ops::OpDef& op : ops::control_ops())
    if (op.name == name) return op;
  check(false, "no such control operator");
  __builtin_unreachable();
}

inline Node& add_node(Graph& graph, const ops::OpDef& op, std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
  Node node;
  node.op = &op;
  node.name = std::string(op.name) + std::to_string(graph.nodes.size());
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  graph.nodes.push_back(std::move(node));
  return graph.nodes.back();
}

inline ValueId add_input(Graph& graph, std::string name, std::optional<TensorType> type = std::nullopt) {
  const ValueId id = graph.add_value(std::move(name), type);
  graph.inputs.push_back(id);
  return id;
}

inline TensorType floats(Shape shape) { return {DType::kFloat32, shape}; }

}  // namespace tercel::graph::testing
