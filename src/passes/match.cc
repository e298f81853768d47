#include "passes/match.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tercel::passes {

bool same_shape(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank()) return false;
  for (int i = 0; i < a.rank(); ++i)
    if (!a[i].same_as(b[i])) return false;
  return true;
}

bool same_type(const graph::Value& a, const graph::Value& b) {
  return a.has_type && b.has_type && a.type.dtype == b.type.dtype && same_shape(a.type.shape, b.type.shape);
}

bool broadcasts_into(const Shape& small, const Shape& large) {
  if (small.rank() > large.rank()) return false;
  for (int i = 0; i < small.rank(); ++i)
    if (small[i] != Dim(1) && !small[i].same_as(large[i + large.rank() - small.rank()])) return false;
  return true;
}

bool keeps_shape_of(const Editor& e, const Node& node, ValueId x) {
  if (!node.op->elementwise || !e.value(x).has_type) return false;
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
    return input == kNoValue || input == x || (e.value(input).has_type && broadcasts_into(e.type(input).shape, e.type(x).shape));
  });
}

bool is_float32(const Editor& e, ValueId id) {
  return id != kNoValue && e.value(id).has_type && e.type(id).dtype == DType::kFloat32;
}

std::optional<double> scalar_of(const Editor& e, ValueId id) {
  const Tensor* tensor = e.graph().constant(id);
  if (!tensor || tensor->elements() != 1) return std::nullopt;
  return element_as_double(tensor->dtype(), tensor->data(), 0);
}

bool is_scalar(const Editor& e, ValueId id, double wanted) {
  constexpr double kTolerance = 2e-6;  // exporters print constants with seven digits
  const auto found = scalar_of(e, id);
  return found && std::abs(*found - wanted) <= kTolerance * std::abs(wanted);
}

std::optional<std::vector<int64_t>> ints_of(const Editor& e, ValueId id) {
  const Tensor* tensor = e.graph().constant(id);
  if (!tensor || !is_integer(tensor->dtype())) return std::nullopt;
  return as_ints(*tensor);
}

bool only_first_output(const Node& node) {
  return !node.outputs.empty() && node.outputs[0] != kNoValue &&
         std::all_of(node.outputs.begin() + 1, node.outputs.end(), [](ValueId id) { return id == kNoValue; });
}

Binary scalar_operand(const Editor& e, ValueId value, std::string_view op, double* constant) {
  const NodeId id = e.producer_is(value, op);
  if (id == kNoNode) return {};
  const auto& inputs = e.node(id).inputs;
  if (inputs.size() != 2) return {};
  const bool commutes = op == "Mul" || op == "Add" || op == "Min" || op == "Max";
  for (size_t side : {size_t{1}, size_t{0}}) {
    if (side == 0 && !commutes) break;
    const auto scalar = scalar_of(e, inputs[side]);
    if (!scalar || !keeps_shape_of(e, e.node(id), inputs[1 - side])) continue;
    *constant = *scalar;
    return {id, inputs[1 - side], inputs[side]};
  }
  return {};
}

Scaled peel_scale(const Editor& e, ValueId value) {
  Scaled scaled{value};
  while (e.single_reader(scaled.x) && is_float32(e, scaled.x)) {
    double constant = 1;
    if (const Binary mul = scalar_operand(e, scaled.x, "Mul", &constant)) {
      scaled = {mul.x, scaled.factor * constant};
    } else if (const Binary div = scalar_operand(e, scaled.x, "Div", &constant); div && constant != 0) {
      scaled = {div.x, scaled.factor / constant};
    } else {
      break;
    }
  }
  return scaled;
}

std::optional<std::vector<int64_t>> reduced_axes(const Editor& e, const Node& node) {
  if (!e.value(node.inputs[0]).has_type) return std::nullopt;
  const int rank = e.type(node.inputs[0]).shape.rank();
  std::vector<int64_t> axes;
  if (has_input(node, 1)) {
    const auto given = ints_of(e, node.inputs[1]);
    if (!given) return std::nullopt;
    for (int64_t axis : *given) {
      const auto normal = normalize_axis(axis, rank);
      if (!normal) return std::nullopt;
      axes.push_back(*normal);
    }
  }
  if (axes.empty()) {
    if (node.attributes.get_int("noop_with_empty_axes", 0) != 0) return std::nullopt;
    axes.resize(static_cast<size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  std::sort(axes.begin(), axes.end());
  return axes;
}

bool reduces_last_axis(const Editor& e, const Node& node) {
  if (node.attributes.get_int("keepdims", 1) != 1) return false;
  const auto axes = reduced_axes(e, node);
  return axes && axes->size() == 1 && (*axes)[0] == e.type(node.inputs[0]).shape.rank() - 1;
}

Result<Tensor> float_tensor(const Shape& shape, std::span<const double> values) {
  Tensor tensor = TRY(Tensor::zeros(DType::kFloat32, shape));
  check(tensor.elements() == static_cast<int64_t>(values.size()), "element count of float_tensor");
  std::transform(values.begin(), values.end(), tensor.mutable_as<float>(), [](double v) { return static_cast<float>(v); });
  return tensor;
}

std::vector<double> doubles_of(const Tensor& tensor) {
  std::vector<double> values(static_cast<size_t>(tensor.elements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = element_as_double(tensor.dtype(), tensor.data(), static_cast<int64_t>(i));
  return values;
}

Tensor int64_tensor(std::span<const int64_t> values) {
  return Tensor::of<int64_t>(DType::kInt64, Shape{static_cast<int64_t>(values.size())}, values);
}

ops::Attributes permutation(std::span<const int64_t> perm) {
  ops::Attributes attributes;
  attributes.set("perm", std::vector<int64_t>(perm.begin(), perm.end()));
  return attributes;
}

std::vector<int64_t> permutation_of(const Editor& e, const Node& transpose) {
  const auto& input = e.value(transpose.inputs[0]);
  if (!input.has_type) return {};
  const auto rank = static_cast<size_t>(input.type.shape.rank());
  std::vector<int64_t> perm(rank);
  std::iota(perm.rbegin(), perm.rend(), 0);
  if (const auto given = transpose.attributes.get_ints("perm"); transpose.attributes.has("perm")) {
    std::vector<int64_t> sorted(given.begin(), given.end());
    std::sort(sorted.begin(), sorted.end());
    if (sorted.size() != rank || !is_identity(sorted)) return {};
    perm.assign(given.begin(), given.end());
  }
  return perm;
}

bool is_identity(std::span<const int64_t> perm) {
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i)) return false;
  return true;
}

}  // namespace tercel::passes
