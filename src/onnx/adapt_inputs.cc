#include <limits>
#include <optional>

#include "onnx/adapters.h"

namespace tercel::onnx {

namespace {

// Takes an attribute off the node.
template <typename T>
std::optional<T> take(NodeContext& node, std::string_view name) {
  const T* found = node.attributes.get<T>(name);
  if (!found) return std::nullopt;
  T value = *found;
  node.attributes.erase(name);
  return value;
}

// The list attribute `name` as input i; nothing when the file has the input already.
bool list_to_input(NodeContext& node, std::string_view name, size_t i) {
  const auto list = take<std::vector<int64_t>>(node, name);
  if (!list || node.has(i)) return false;
  node.set_input(i, node.ints(*list));
  return true;
}

// A constant scalar of the element type of input 0.
Result<ValueId> scalar_like(NodeContext& node, float value) {
  const ValueId constant = node.constant(Tensor::of<float>(DType::kFloat32, {}, std::span(&value, 1)));
  const TensorType* type = node.type(0);
  if (type && type->dtype == DType::kFloat32) return constant;
  return node.add("CastLike", {constant, node.inputs[0]});
}

Result<void> need_first_input(const NodeContext& node) {
  return node.has(0) ? Result<void>() : Result<void>(invalid("input 0 is missing; the operator needs it"));
}

}  // namespace

Result<void> adapt_reduce(NodeContext& node) {
  const auto* axes = node.attributes.get<std::vector<int64_t>>("axes");
  if (axes && axes->empty()) node.attributes.erase("axes");  // as if absent: all axes
  list_to_input(node, "axes", 1);
  return node.finish();
}

Result<void> adapt_squeeze(NodeContext& node) {
  list_to_input(node, "axes", 1);
  return node.finish();
}

Result<void> adapt_split(NodeContext& node) {
  list_to_input(node, "split", 1);
  if (!node.has(1) && !node.attributes.has("num_outputs"))
    node.attributes.set("num_outputs", static_cast<int64_t>(node.outputs.size()));
  return node.finish();
}

Result<void> adapt_slice(NodeContext& node) {
  list_to_input(node, "starts", 1);
  list_to_input(node, "ends", 2);
  list_to_input(node, "axes", 3);
  return node.finish();
}

Result<void> adapt_pad(NodeContext& node) {
  TRY(need_first_input(node));
  list_to_input(node, "pads", 1);
  const auto value = take<float>(node, "value");
  if (value && *value != 0 && !node.has(2)) node.set_input(2, TRY(scalar_like(node, *value)));
  return node.finish();
}

Result<void> adapt_top_k(NodeContext& node) {
  const auto k = take<int64_t>(node, "k");
  if (k && !node.has(1)) node.set_input(1, node.ints({&*k, 1}));
  return node.finish();
}

Result<void> adapt_clip(NodeContext& node) {
  TRY(need_first_input(node));
  const auto min = take<float>(node, "min"), max = take<float>(node, "max");
  // The defaults of the old attributes are the ends of float: no limit at all.
  if (min && *min > std::numeric_limits<float>::lowest() && !node.has(1)) node.set_input(1, TRY(scalar_like(node, *min)));
  if (max && *max < std::numeric_limits<float>::max() && !node.has(2)) node.set_input(2, TRY(scalar_like(node, *max)));
  return node.finish();
}

Result<void> adapt_dft(NodeContext& node) {
  const auto axis = take<int64_t>(node, "axis");
  if (node.opset < 20 && !node.has(2)) node.set_input(2, node.integer(axis.value_or(1)));
  return node.finish();
}

}  // namespace tercel::onnx
