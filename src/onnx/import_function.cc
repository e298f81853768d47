#include "graph/text.h"
#include "onnx/importer.h"

namespace tercel::onnx {

namespace {

std::string quoted(std::string_view name) { return "'" + graph::printable(name) + "'"; }

}  // namespace

const FunctionProto* Importer::find_function(const NodeProto& proto) const {
  if (functions_.empty()) return nullptr;
  const std::string_view domain = proto.domain == "ai.onnx" ? std::string_view() : proto.domain;
  const auto found = functions_.find({domain, std::string(proto.op_type) + ":" + std::string(proto.overload)});
  return found == functions_.end() ? nullptr : found->second;
}

// Expands the body into the caller's graph: the function's inputs are the node's, its outputs were promised to the node.
Result<void> Importer::import_call(Scope& scope, const NodeProto& proto, const FunctionProto& function, NodeContext& node) {
  for (const FunctionCall* call = scope.call; call; call = call->caller)
    if (call->function == &function) return invalid("the function calls itself, which ONNX forbids");
  FunctionCall call{&function, TRY(plain_attributes(scope, proto, {})), scope.call, scope.call ? scope.call->depth + 1 : 1};
  if (call.depth > kFunctionDepthMax)
    return too_large("functions call functions more than " + std::to_string(kFunctionDepthMax) + " levels deep");
  if (node.inputs.size() > function.inputs.size() || proto.outputs.size() > function.outputs.size())
    return invalid("it has " + std::to_string(node.inputs.size()) + " inputs and " + std::to_string(proto.outputs.size()) +
                   " outputs, the function has " + std::to_string(function.inputs.size()) + " and " +
                   std::to_string(function.outputs.size()));
  for (const AttributeProto& attribute : function.defaults) {
    if (call.attributes.has(attribute.name)) continue;
    const Scope outside{scope.builder};
    auto value = TRY(attribute_value(outside, attribute));
    if (value) call.attributes.set(attribute.name, std::move(*value));
  }
  TRY(declare_outputs(scope, proto, node));

  Scope body{scope.builder,
             nullptr,
             &call,
             scope.prefix + (proto.name.empty() ? std::string(function.name) : std::string(proto.name)) + "/",
             &function.nodes,
             {},
             {},
             scope.depth};
  if (body.prefix.size() > kModelNameBytesMax) return too_large("names inside of the function grow too long");
  for (size_t i = 0; i < function.inputs.size(); ++i)
    if (!body.names.emplace(function.inputs[i], i < node.inputs.size() ? node.inputs[i] : kNoValue).second)
      return invalid("the function has two inputs named " + quoted(function.inputs[i]));
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.wants(i) && !body.promised.emplace(function.outputs[i], node.outputs[i]).second)
      return invalid("the function has two outputs named " + quoted(function.outputs[i]));
  TRY(import_nodes(body, function.nodes));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.wants(i)) continue;
    const ValueId made = TRY(body.find(function.outputs[i]));
    if (made == node.outputs[i]) continue;  // kept the promise; else the output is an input of the function
    if (made == kNoValue) return invalid("output " + quoted(function.outputs[i]) + " of the function is an input that is absent");
    TRY(node.emit("Identity", {made}, {node.outputs[i]}, {}));
  }
  return {};
}

}  // namespace tercel::onnx
