#include "onnx/adapters.h"

namespace tercel::onnx {

namespace {

// What both losses share: class log-probabilities [N, C, ...], class numbers [N, ...], optional weights [C].
struct Loss {
  ValueId log_probabilities, target, weights;
};

Result<void> reduce(NodeContext& node, std::string_view op, ValueId x) {
  return node.emit(op, {x}, {node.outputs[0]}, attributes({{"keepdims", int64_t{0}}}));
}

// The weight of each element: its class's, or 1; 0 where the target is to be ignored. kNoValue when all are 1.
Result<ValueId> element_weights(NodeContext& node, const Loss& loss, ValueId safe_target, ValueId ignored) {
  ValueId weights = kNoValue;
  if (loss.weights != kNoValue) weights = TRY(node.add("Gather", {loss.weights, safe_target}));
  if (ignored == kNoValue) return weights;
  const ValueId counts = TRY(node.add("CastLike", {TRY(node.add("Not", {ignored})), loss.log_probabilities}));
  return weights == kNoValue ? counts : TRY(node.add("Mul", {weights, counts}));
}

Result<void> emit_loss(NodeContext& node, const Loss& loss) {
  if (!node.wants(0)) return {};
  const std::string reduction(node.attributes.get_string("reduction", "mean"));
  if (reduction != "none" && reduction != "sum" && reduction != "mean") return invalid("reduction must be none, sum or mean");
  ValueId target = loss.target, ignored = kNoValue;
  if (const auto* index = node.attributes.get<int64_t>("ignore_index")) {
    const ValueId ignore = TRY(node.add("CastLike", {node.integer(*index), target}));
    const ValueId zero = TRY(node.add("CastLike", {node.integer(0), target}));
    ignored = TRY(node.add("Equal", {target, ignore}));
    target = TRY(node.add("Where", {ignored, zero, target}));  // any valid class: its weight is 0
  }
  const int64_t axis[] = {1};
  const ValueId column = TRY(node.add("Unsqueeze", {target, node.ints(axis)}));
  const ValueId picked = TRY(node.add("GatherElements", {loss.log_probabilities, column}, attributes({{"axis", int64_t{1}}})));
  ValueId losses = TRY(node.add("Neg", {TRY(node.add("Squeeze", {picked, node.ints(axis)}))}));
  const ValueId weights = TRY(element_weights(node, loss, target, ignored));
  if (weights != kNoValue) losses = TRY(node.add("Mul", {losses, weights}));
  if (reduction == "none") return node.emit("Identity", {losses}, {node.outputs[0]}, {});
  if (reduction == "sum") return reduce(node, "ReduceSum", losses);
  if (weights == kNoValue) return reduce(node, "ReduceMean", losses);
  const auto all = attributes({{"keepdims", int64_t{0}}});
  const ValueId sum = TRY(node.add("ReduceSum", {losses}, all)), weight_sum = TRY(node.add("ReduceSum", {weights}, all));
  return node.emit("Div", {sum, weight_sum}, {node.outputs[0]}, {});
}

Result<Loss> inputs_of(const NodeContext& node) {
  if (!node.has(0) || !node.has(1)) return invalid("it needs the scores and the target classes");
  return Loss{node.inputs[0], node.inputs[1], node.has(2) ? node.inputs[2] : kNoValue};
}

}  // namespace

Result<void> adapt_negative_log_likelihood(NodeContext& node) { return emit_loss(node, TRY(inputs_of(node))); }

Result<void> adapt_cross_entropy(NodeContext& node) {
  Loss loss = TRY(inputs_of(node));
  const auto classes = attributes({{"axis", int64_t{1}}});
  if (node.wants(1)) {
    TRY(node.emit("LogSoftmax", {loss.log_probabilities}, {node.outputs[1]}, classes));
    loss.log_probabilities = node.outputs[1];
  } else {
    loss.log_probabilities = TRY(node.add("LogSoftmax", {loss.log_probabilities}, classes));
  }
  return emit_loss(node, loss);
}

}  // namespace tercel::onnx
