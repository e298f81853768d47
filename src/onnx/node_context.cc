#include "onnx/node_context.h"

#include <algorithm>

#include "onnx/limits.h"
#include "ops/control.h"

namespace tercel::onnx {

namespace {

void drop_trailing_absent(std::vector<ValueId>& ids) {
  while (!ids.empty() && ids.back() == kNoValue) ids.pop_back();
}

Result<void> check_count(size_t count, int min, int max, const char* what) {
  if (count >= static_cast<size_t>(min) && (max < 0 || count <= static_cast<size_t>(max))) return {};
  std::string range = std::to_string(min);
  if (max != min) range += max < 0 ? " or more" : " to " + std::to_string(max);
  return invalid("has " + std::to_string(count) + " " + what + ", the operator has " + range);
}

}  // namespace

void NodeContext::set_input(size_t i, ValueId id) {
  if (inputs.size() <= i) inputs.resize(i + 1, kNoValue);
  inputs[i] = id;
}

const TensorType* NodeContext::type(size_t i) const {
  if (!has(i)) return nullptr;
  const graph::Value& value = graph().value(inputs[i]);
  return value.has_type ? &value.type : nullptr;
}

ValueId NodeContext::constant(Tensor tensor) {
  return graph().add_constant(name_ + "/constant" + std::to_string(made_++), std::move(tensor));
}

ValueId NodeContext::ints(std::span<const int64_t> values) {
  return constant(Tensor::of<int64_t>(DType::kInt64, {Dim(static_cast<int64_t>(values.size()))}, values));
}

ValueId NodeContext::integer(int64_t value) { return constant(Tensor::of<int64_t>(DType::kInt64, {}, std::span(&value, 1))); }

std::string NodeContext::unique_name() {
  std::unordered_set<std::string>& taken = scope_.builder.node_names;
  std::string name = name_;
  for (size_t i = taken.size(); !taken.insert(name).second; ++i) name = name_ + "/" + std::to_string(i);
  return name;
}

Result<ValueId> NodeContext::add(std::string_view op_name, std::vector<ValueId> node_inputs, ops::Attributes node_attributes) {
  const ValueId output = graph().add_value(name_ + "/" + std::string(op_name) + std::to_string(made_++));
  TRY(emit(op_name, std::move(node_inputs), {output}, std::move(node_attributes)));
  return output;
}

Result<void> NodeContext::finish(std::string_view op_name, std::vector<ValueId> node_inputs, ops::Attributes node_attributes) {
  return emit(op_name, std::move(node_inputs), outputs, std::move(node_attributes));
}

Result<void> NodeContext::emit(std::string_view op_name, std::vector<ValueId> node_inputs, std::vector<ValueId> node_outputs,
                               ops::Attributes node_attributes) {
  const ops::OpDef* definition = ops::find_op(op_name);
  if (!definition) return unsupported("Tercel does not compute " + std::string(op_name) + " yet");
  const bool is_control = ops::is_control(op_name);
  if (!is_control) {  // absent inputs and unwanted outputs of control nodes hold places
    if (definition->outputs_max >= 0) drop_trailing_absent(node_outputs);  // Split counts its outputs
    drop_trailing_absent(node_inputs);
    for (size_t i = 0; i < static_cast<size_t>(definition->inputs_min) && i < node_inputs.size(); ++i)
      if (node_inputs[i] == kNoValue) return invalid("input " + std::to_string(i) + " is missing; the operator needs it");
  }
  TRY(check_count(node_inputs.size(), definition->inputs_min, definition->inputs_max, "inputs"));
  TRY(check_count(std::max<size_t>(node_outputs.size(), 1), definition->outputs_min, definition->outputs_max, "outputs"));
  if (node_outputs.empty()) return {};  // nobody wants anything of it
  if (graph().nodes.size() >= kModelNodesMax)
    return too_large("the graph has more than " + std::to_string(kModelNodesMax) + " nodes");
  graph::Node node;
  node.op = definition;
  node.name = unique_name();
  node.attributes = std::move(node_attributes);
  node.inputs = std::move(node_inputs);
  node.outputs = std::move(node_outputs);
  // Control nodes are inferred at the end, in one go, so that nested loops share one bound on the work.
  if (!is_control) TRY(graph::infer_node(model_, graph(), node));
  graph().nodes.push_back(std::move(node));
  return {};
}

}  // namespace tercel::onnx
