#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "onnx/scope.h"

namespace tercel::onnx {

// One ONNX node on its way in: what the file says, and the means to make Tercel nodes of it. Lives for one node.
class NodeContext {
 public:
  NodeContext(graph::Model& model, Scope& scope, std::string name) : model_(model), scope_(scope), name_(std::move(name)) {}

  int64_t opset = 0;             // of the node's domain
  std::string_view op;           // the Tercel operator that stands for it unless an adapter chooses another
  ops::Attributes attributes;    // as in the file, types checked
  std::vector<ValueId> inputs;   // kNoValue where absent
  std::vector<ValueId> outputs;  // kNoValue where not wanted

  bool has(size_t i) const { return i < inputs.size() && inputs[i] != kNoValue; }
  bool wants(size_t i) const { return i < outputs.size() && outputs[i] != kNoValue; }
  // Sets input i, making room for it.
  void set_input(size_t i, ValueId id);
  // Contents of a constant input, or null.
  const Tensor* constant(size_t i) const { return has(i) ? graph().constant(inputs[i]) : nullptr; }
  // The type of an input as far as it is known by now, or null.
  const TensorType* type(size_t i) const;

  ValueId ints(std::span<const int64_t> values);  // a constant list
  ValueId integer(int64_t value);                 // a constant scalar
  ValueId constant(Tensor tensor);

  // A node with one new output.
  Result<ValueId> add(std::string_view op, std::vector<ValueId> inputs, ops::Attributes attributes = {});
  // The node that makes the outputs of the ONNX node.
  Result<void> finish(std::string_view op, std::vector<ValueId> inputs, ops::Attributes attributes = {});
  // The same with the operator, inputs and attributes as they stand.
  Result<void> finish() { return finish(op, std::move(inputs), std::move(attributes)); }
  // The same for outputs that are chosen.
  Result<void> emit(std::string_view op, std::vector<ValueId> inputs, std::vector<ValueId> outputs, ops::Attributes attributes);

  graph::Graph& graph() { return scope_.builder.graph; }
  const graph::Graph& graph() const { return scope_.builder.graph; }

 private:
  std::string unique_name();

  graph::Model& model_;
  Scope& scope_;
  std::string name_;
  int made_ = 0;
};

// Attributes in one expression: attributes({{"axis", int64_t{1}}}).
inline ops::Attributes attributes(std::initializer_list<std::pair<std::string_view, ops::AttributeValue>> entries) {
  ops::Attributes result;
  for (const auto& [name, value] : entries) result.set(name, value);
  return result;
}

}  // namespace tercel::onnx
