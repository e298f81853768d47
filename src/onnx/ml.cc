#include "onnx/ml.h"

#include "ops/element_types.h"

namespace tercel::onnx::ml {

const TensorType& type_of(const NodeContext& node, ValueId id) { return node.graph().value(id).type; }

Result<ValueId> cast(NodeContext& node, ValueId id, DType dtype) {
  if (type_of(node, id).dtype == dtype) return id;
  return node.add("Cast", {id}, attributes({{"to", ops::onnx_code_of(dtype)}}));
}

Result<ValueId> reals(NodeContext& node, size_t i, bool doubles) {
  if (!node.type(i)) return invalid("input " + std::to_string(i) + " is missing; the operator needs it");
  const bool keep = doubles && node.type(i)->dtype == DType::kFloat64;
  return cast(node, node.inputs[i], keep ? DType::kFloat64 : DType::kFloat32);
}

Result<ValueId> rows(NodeContext& node, size_t i, bool doubles) {
  const ValueId x = TRY(reals(node, i, doubles));
  const int rank = type_of(node, x).shape.rank();
  if (rank == 2) return x;
  if (rank != 1) return invalid("its input has " + std::to_string(rank) + " axes; it takes rows of features, [N, F]");
  const int64_t axis[] = {0};
  return node.add("Unsqueeze", {x, node.ints(axis)});
}

Result<std::vector<double>> tensor_numbers(const NodeContext& node, std::string_view name) {
  const auto* tensor = node.attributes.get<Tensor>(name);
  if (!tensor) return std::vector<double>();
  const Tensor aligned = TRY(tensor->aligned());
  std::vector<double> values(static_cast<size_t>(aligned.elements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = element_as_double(aligned.dtype(), aligned.data(), static_cast<int64_t>(i));
  return values;
}

Result<std::vector<double>> numbers(const NodeContext& node, std::string_view name) {
  const std::span<const float> listed = node.attributes.get_floats(name);
  if (!listed.empty()) return std::vector<double>(listed.begin(), listed.end());
  return tensor_numbers(node, std::string(name) + "_as_tensor");
}

bool has_strings(const NodeContext& node, std::string_view name) {
  const auto* strings = node.attributes.get<std::vector<std::string>>(name);
  return strings && !strings->empty();
}

Result<std::vector<int64_t>> class_labels(const NodeContext& node, std::string_view ints, std::string_view strings) {
  if (has_strings(node, strings))
    return unsupported(
        "its class labels are strings, which are not computed with; train the model on integer labels "
        "(sklearn.preprocessing.LabelEncoder) and name the classes in the client");
  const std::span<const int64_t> labels = node.attributes.get_ints(ints);
  if (labels.empty()) return invalid("it has no class labels; the attribute '" + std::string(ints) + "' must list them");
  return std::vector<int64_t>(labels.begin(), labels.end());
}

ValueId floats(NodeContext& node, const Shape& shape, std::span<const double> values) {
  const std::vector<float> narrow(values.begin(), values.end());
  return node.constant(Tensor::of<float>(DType::kFloat32, shape, narrow));
}

ValueId doubles(NodeContext& node, const Shape& shape, std::span<const double> values) {
  return node.constant(Tensor::of<double>(DType::kFloat64, shape, values));
}

Result<void> finish_scores(NodeContext& node, ValueId scores, std::string_view post_transform) {
  scores = TRY(cast(node, scores, DType::kFloat32));
  if (post_transform == "NONE") return node.finish("Identity", {scores});
  if (post_transform == "LOGISTIC") return node.finish("Sigmoid", {scores});
  if (post_transform == "SOFTMAX") return node.finish("Softmax", {scores}, attributes({{"axis", int64_t{1}}}));
  return node.finish("tercel.PostTransform", {scores}, attributes({{"post_transform", std::string(post_transform)}}));
}

Result<void> finish_classes(NodeContext& node, ValueId sums, std::span<const int64_t> labels, const ClassRule& rule) {
  auto settings = attributes({{"post_transform", std::string(node.attributes.get_string("post_transform", "NONE"))}});
  if (!rule.pair.empty()) {
    settings.set("pair", std::string(rule.pair));
    settings.set("above", rule.above);
  }
  return node.finish("tercel.ClassScores", {sums, node.ints(labels)}, std::move(settings));
}

}  // namespace tercel::onnx::ml
