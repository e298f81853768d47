#include "onnx/adapters.h"

namespace tercel::onnx {

namespace {

Error needs_inference_mode() {
  return unsupported("it runs in training mode; export the model for inference (in PyTorch: model.eval() before the export)");
}

}  // namespace

Result<void> adapt_softmax(NodeContext& node) {
  if (node.opset >= 13) return node.finish();
  // Before opset 13 the axes from `axis` on were one axis. Where that is only the last one, both forms agree.
  const int64_t axis = node.attributes.get_int("axis", 1);
  const TensorType* type = node.type(0);
  if (!node.has(0)) return invalid("input 0 is missing; the operator needs it");
  const auto last = attributes({{"axis", int64_t{-1}}});
  if (axis == -1 || (type && axis == type->shape.rank() - 1)) return node.finish(node.op, node.inputs, last);
  const ValueId x = node.inputs[0];
  const ValueId flat = TRY(node.add("Flatten", {x}, attributes({{"axis", axis}})));
  const ValueId result = TRY(node.add(node.op, {flat}, last));
  const ValueId shape = TRY(node.add("Shape", {x}));
  return node.finish("Reshape", {result, shape}, attributes({{"allowzero", int64_t{1}}}));
}

Result<void> adapt_batch_normalization(NodeContext& node) {
  if (node.attributes.get_int("training_mode", 0) != 0) return needs_inference_mode();
  for (size_t i = 1; i < node.outputs.size(); ++i)
    if (node.wants(i)) return needs_inference_mode();
  if (node.attributes.get_int("spatial", 1) == 0)
    return unsupported("it normalises every position by itself (spatial=0); export the model with opset 9 or newer");
  node.outputs.resize(1);
  for (const char* name : {"training_mode", "spatial", "momentum"}) node.attributes.erase(name);
  return node.finish();
}

Result<void> adapt_group_normalization(NodeContext& node) {
  if (node.opset >= 21) return node.finish();
  // Scale and bias were per group, now they are per channel: repeat each one channels / groups times.
  const int64_t groups = node.attributes.get_int("num_groups", 0);
  if (groups <= 0) return invalid("num_groups must be at least 1");
  if (!node.has(0) || !node.has(1) || !node.has(2)) return invalid("it needs the inputs X, scale and bias");
  const int64_t column[] = {-1, 1}, row[] = {-1};
  const auto range = attributes({{"start", int64_t{1}}, {"end", int64_t{2}}});
  const ValueId channels = TRY(node.add("Shape", {node.inputs[0]}, range));
  const ValueId group_count = node.ints({&groups, 1});
  const ValueId per_group = TRY(node.add("Div", {channels, group_count}));
  const ValueId target = TRY(node.add("Concat", {group_count, per_group}, attributes({{"axis", int64_t{0}}})));
  for (size_t i : {1, 2}) {
    const ValueId tall = TRY(node.add("Reshape", {node.inputs[i], node.ints(column)}));
    const ValueId wide = TRY(node.add("Expand", {tall, target}));
    node.inputs[i] = TRY(node.add("Reshape", {wide, node.ints(row)}));
  }
  return node.finish();
}

Result<void> adapt_dropout(NodeContext& node) {
  if (!node.has(0)) return invalid("input 0 is missing; the operator needs it");
  if (node.has(2)) {
    const Tensor* training = node.constant(2);
    const Tensor* ratio = node.constant(1);
    if (!training) return unsupported("whether it trains is only known at run time; make training_mode a constant");
    const bool drops = !ratio || ratio->elements() != 1 || element_as_double(ratio->dtype(), ratio->data(), 0) != 0;
    if (training->elements() != 1) return invalid("training_mode must be one bool");
    if (element_as_int(training->dtype(), training->data(), 0) != 0 && drops) return needs_inference_mode();
  }
  const ValueId x = node.inputs[0];
  if (node.wants(0)) TRY(node.emit("Identity", {x}, {node.outputs[0]}, {}));
  if (!node.wants(1)) return {};
  const bool yes[] = {true};
  const ValueId shape = TRY(node.add("Shape", {x}));
  const auto truth = attributes({{"value", Tensor::of<bool>(DType::kBool, {1}, yes)}});
  if (node.opset >= 10) return node.emit("ConstantOfShape", {shape}, {node.outputs[1]}, truth);
  const ValueId mask = TRY(node.add("ConstantOfShape", {shape}, truth));  // it had the type of the data
  return node.emit("CastLike", {mask, x}, {node.outputs[1]}, {});
}

}  // namespace tercel::onnx
