#include "graph/text.h"
#include "onnx/adapters.h"

namespace tercel::onnx {

namespace {

Result<void> need_inputs(const NodeContext& node, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (!node.has(i)) return invalid("input " + std::to_string(i) + " is missing; the operator needs it");
  return {};
}

}  // namespace

Result<void> adapt_fast_gelu(NodeContext& node) {
  TRY(need_inputs(node, 1));
  ValueId x = node.inputs[0];
  if (node.has(1)) x = TRY(node.add("Add", {x, node.inputs[1]}));
  return node.finish("Gelu", {x}, attributes({{"approximate", std::string("tanh")}}));
}

Result<void> adapt_bias_gelu(NodeContext& node) {
  TRY(need_inputs(node, 2));
  const ValueId sum = TRY(node.add("Add", {node.inputs[0], node.inputs[1]}));
  return node.finish("Gelu", {sum});
}

Result<void> adapt_quick_gelu(NodeContext& node) {
  TRY(need_inputs(node, 1));
  const float alpha = node.attributes.get_float("alpha", 1.702f);
  return node.finish("Swish", {node.inputs[0]}, attributes({{"alpha", alpha}}));
}

// Inputs: X, residual, scale, shift, bias. Outputs: Y, mean, inverse deviation, X + residual + bias.
Result<void> adapt_skip_layer_normalization(NodeContext& node) {
  TRY(need_inputs(node, 3));
  if (node.wants(1) || node.wants(2)) return unsupported("its outputs 1 and 2 (statistics for training) are not computed");
  ValueId sum = TRY(node.add("Add", {node.inputs[0], node.inputs[1]}));
  if (node.has(4)) sum = TRY(node.add("Add", {sum, node.inputs[4]}));
  if (node.wants(3)) TRY(node.emit("Identity", {sum}, {node.outputs[3]}, {}));
  const auto settings = attributes({{"axis", int64_t{-1}}, {"epsilon", node.attributes.get_float("epsilon", 1e-12f)}});
  return node.emit("LayerNormalization", {sum, node.inputs[2], node.has(3) ? node.inputs[3] : kNoValue},
                   {node.outputs.empty() ? kNoValue : node.outputs[0]}, settings);
}

Result<void> adapt_fused_mat_mul(NodeContext& node) {
  if (node.attributes.get_int("transBatchA", 0) || node.attributes.get_int("transBatchB", 0))
    return unsupported("transBatchA and transBatchB are not computed; put a Transpose before the product");
  node.attributes.erase("transBatchA");
  node.attributes.erase("transBatchB");
  return node.finish("tercel.MatMul", std::move(node.inputs), std::move(node.attributes));
}

// Conv, then the sum with input 3, then an activation whose parameters are a list.
Result<void> adapt_fused_conv(NodeContext& node) {
  TRY(need_inputs(node, 2));
  const std::string activation(node.attributes.get_string("activation", ""));
  const std::span<const float> listed = node.attributes.get_floats("activation_params");
  const std::vector<float> parameters(listed.begin(), listed.end());
  node.attributes.erase("activation");
  node.attributes.erase("activation_params");
  ValueId x = TRY(node.add("Conv", {node.inputs[0], node.inputs[1], node.has(2) ? node.inputs[2] : kNoValue}, node.attributes));
  if (node.has(3)) x = TRY(node.add("Add", {x, node.inputs[3]}));
  if (activation.empty()) return node.finish("Identity", {x});
  if (activation == "Relu" || activation == "Sigmoid" || activation == "Tanh") return node.finish(activation, {x});
  ops::Attributes settings;
  if (activation == "LeakyRelu" && parameters.size() == 1) {
    settings.set("alpha", parameters[0]);
    return node.finish(activation, {x}, std::move(settings));
  }
  if (activation == "HardSigmoid" && parameters.size() == 2) {
    settings.set("alpha", parameters[0]);
    settings.set("beta", parameters[1]);
    return node.finish(activation, {x}, std::move(settings));
  }
  if (activation == "Clip" && parameters.size() == 2) {
    const auto bound = [&](float value) { return node.constant(Tensor::of<float>(DType::kFloat32, {}, std::span(&value, 1))); };
    return node.finish(activation, {x, bound(parameters[0]), bound(parameters[1])});
  }
  return unsupported("its activation '" + graph::printable(activation) + "' with " + std::to_string(parameters.size()) +
                     " parameters is not known; export the model without ONNX Runtime's graph optimizations");
}

}  // namespace tercel::onnx
