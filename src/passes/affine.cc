#include "passes/affine.h"

#include <algorithm>
#include <cmath>

namespace tercel::passes {

namespace {

bool all_finite(const Affine& affine) {
  const auto finite = [](double v) { return std::isfinite(static_cast<float>(v)); };
  return std::all_of(affine.scale.begin(), affine.scale.end(), finite) &&
         std::all_of(affine.shift.begin(), affine.shift.end(), finite);
}

bool all_are(const std::vector<double>& values, double wanted) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == wanted; });
}

// Where an element of the weights sits: its input and output channel by flat index.
struct WeightMap {
  int64_t outer, inner, group, tail;  // extents of axis 0 and 1, groups, elements behind them
  enum class Kind { kConv, kConvTranspose, kDense, kDenseTransposed } kind;

  int64_t output(int64_t i) const {
    const int64_t a = i / tail / inner, b = i / tail % inner;
    switch (kind) {
      case Kind::kConv:
      case Kind::kDenseTransposed: return a;
      case Kind::kDense: return b;
      case Kind::kConvTranspose: return a / (outer / group) * inner + b;
    }
    return 0;
  }
  int64_t input(int64_t i) const {
    const int64_t a = i / tail / inner, b = i / tail % inner;
    switch (kind) {
      case Kind::kConv: return a / (outer / group) * inner + b;
      case Kind::kDenseTransposed: return b;
      case Kind::kDense:
      case Kind::kConvTranspose: return a;
    }
    return 0;
  }
};

WeightMap weight_map(const Node& node, const Shape& shape) {
  const bool transposed = node.attributes.get_int("transB", 0) != 0;
  const auto kind = node.is("Conv")            ? WeightMap::Kind::kConv
                    : node.is("ConvTranspose") ? WeightMap::Kind::kConvTranspose
                    : transposed               ? WeightMap::Kind::kDenseTransposed
                                               : WeightMap::Kind::kDense;
  return {shape.size(0), shape.size(1), node.attributes.get_int("group", 1), shape.elements(2, shape.rank()), kind};
}

Result<ValueId> constant_of(Editor& e, ValueId like, std::string_view name, const Shape& shape, std::span<const double> values) {
  const std::string base = like == kNoValue ? std::string(name) + "/bias" : e.value(like).name + "/folded";
  return e.add_constant(base, TRY(float_tensor(shape, values)));
}

std::vector<double> bias_of(const Editor& e, const Node& node, int64_t channels) {
  const Tensor* bias = has_input(node, 2) ? e.graph().constant(node.inputs[2]) : nullptr;
  if (!bias) return std::vector<double>(static_cast<size_t>(channels), 0.0);
  std::vector<double> values = doubles_of(*bias);
  if (values.size() == 1) values.assign(static_cast<size_t>(channels), values[0]);
  return values;
}

Result<void> set_bias(Editor& e, Node& node, const std::vector<double>& bias) {
  const ValueId old = input_of(node, 2);
  if (old == kNoValue && all_are(bias, 0)) return {};
  if (node.inputs.size() < 3) node.inputs.resize(3, kNoValue);
  node.inputs[2] = TRY(constant_of(e, old, node.name, Shape{static_cast<int64_t>(bias.size())}, bias));
  return {};
}

template <typename F>
Result<void> scale_weights(Editor& e, Node& node, F&& factor) {
  const Tensor old = *e.graph().constant(node.inputs[1]);
  std::vector<double> weights = doubles_of(old);
  const WeightMap map = weight_map(node, old.shape());
  for (size_t i = 0; i < weights.size(); ++i) weights[i] *= factor(map, static_cast<int64_t>(i));
  node.inputs[1] = TRY(constant_of(e, node.inputs[1], node.name, old.shape(), weights));
  return {};
}

bool pads_nothing(const Node& node) {
  const std::string_view automatic = node.attributes.get_string("auto_pad", "NOTSET");
  if (automatic == "VALID") return true;
  const auto pads = node.attributes.get_ints("pads");
  return automatic == "NOTSET" && std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p == 0; });
}

// The constant as one double a channel: one element, or one a channel along `axis` of x's shape.
std::optional<std::vector<double>> per_channel(const Tensor& constant, const Shape& x, int axis, int64_t channels) {
  const Shape& shape = constant.shape();
  if (shape.rank() > x.rank() || constant.dtype() != DType::kFloat32) return std::nullopt;
  if (constant.elements() == 1) return std::vector<double>(static_cast<size_t>(channels), doubles_of(constant)[0]);
  for (int i = 0; i < shape.rank(); ++i) {
    const bool is_channel = i + x.rank() - shape.rank() == axis;
    if (shape.size(i) != (is_channel ? channels : 1)) return std::nullopt;
  }
  if (constant.elements() != channels) return std::nullopt;
  return doubles_of(constant);
}

}  // namespace

std::optional<Linear> linear_of(const Editor& e, const Node& node) {
  const bool conv = node.is("Conv"), transposed = node.is("ConvTranspose"), dense = node.is("tercel.Dense");
  if (!conv && !transposed && !dense) return std::nullopt;
  const Tensor* weights = e.graph().constant(node.inputs[1]);
  if (!weights || weights->dtype() != DType::kFloat32 || weights->elements() == 0 || weights->shape().rank() < 2)
    return std::nullopt;
  if (has_input(node, 2) && !e.graph().constant(node.inputs[2])) return std::nullopt;
  if (has_input(node, 3) || !node.attributes.get_string("activation", "").empty()) return std::nullopt;
  const auto& output = e.value(node.outputs[0]);
  if (!output.has_type || output.type.dtype != DType::kFloat32 || output.type.shape.rank() < 2) return std::nullopt;
  const Shape& shape = weights->shape();
  const int64_t group = node.attributes.get_int("group", 1);
  if (group < 1 || (!dense && shape.size(0) % group != 0)) return std::nullopt;
  const bool last = dense || node.attributes.get_int("channels_last", 0) != 0;
  Linear linear{shape.size(1), shape.size(0), last ? output.type.shape.rank() - 1 : 1};
  if (dense && node.attributes.get_int("transB", 0) == 0) std::swap(linear.inputs, linear.outputs);
  if (conv) linear.inputs *= group;
  if (transposed) linear = {shape.size(0), shape.size(1) * group, linear.axis};
  const auto bias = bias_of(e, node, linear.outputs);
  return static_cast<int64_t>(bias.size()) == linear.outputs ? std::optional(linear) : std::nullopt;
}

std::optional<Affine> batch_norm_affine(const Editor& e, const Node& node) {
  if (!node.is("BatchNormalization") || node.inputs.size() != 5 || !only_first_output(node)) return std::nullopt;
  if (node.attributes.get_int("training_mode", 0) != 0 || !is_float32(e, node.inputs[0])) return std::nullopt;
  std::vector<double> parameters[4];
  for (size_t i = 0; i < 4; ++i) {
    const Tensor* constant = e.graph().constant(node.inputs[i + 1]);
    if (!constant || constant->dtype() != DType::kFloat32) return std::nullopt;
    parameters[i] = doubles_of(*constant);
    if (parameters[i].size() != parameters[0].size()) return std::nullopt;
  }
  const auto& [scale, bias, mean, variance] = parameters;
  const double epsilon = node.attributes.get_float("epsilon", 1e-5f);
  Affine affine{scale, bias};
  for (size_t c = 0; c < scale.size(); ++c) {
    affine.scale[c] = scale[c] / std::sqrt(variance[c] + epsilon);
    affine.shift[c] = bias[c] - mean[c] * affine.scale[c];
  }
  return all_finite(affine) ? std::optional(affine) : std::nullopt;
}

std::optional<Affine> binary_affine(const Editor& e, const Node& node, ValueId x, int axis, int64_t channels) {
  const bool mul = node.is("Mul"), div = node.is("Div"), add = node.is("Add"), sub = node.is("Sub");
  if ((!mul && !div && !add && !sub) || node.inputs.size() != 2) return std::nullopt;
  const bool constant_first = node.inputs[1] == x;
  if (constant_first ? div : node.inputs[0] != x) return std::nullopt;
  const Tensor* constant = e.graph().constant(node.inputs[constant_first ? 0 : 1]);
  if (!constant || !is_float32(e, x)) return std::nullopt;
  const auto values = per_channel(*constant, e.type(x).shape, axis, channels);
  if (!values) return std::nullopt;
  Affine affine{std::vector<double>(values->size(), 1.0), std::vector<double>(values->size(), 0.0)};
  for (size_t c = 0; c < values->size(); ++c) {
    const double v = (*values)[c];
    if (mul || div) affine.scale[c] = mul ? v : 1 / v;
    else affine.shift[c] = sub && !constant_first ? -v : v;
    if (sub && constant_first) affine.scale[c] = -1;
  }
  return all_finite(affine) ? std::optional(affine) : std::nullopt;
}

Result<Node> fold_after(Editor& e, const Node& linear, const Affine& affine) {
  Node node = linear;
  std::vector<double> bias = bias_of(e, node, static_cast<int64_t>(affine.scale.size()));
  for (size_t c = 0; c < bias.size(); ++c) bias[c] = bias[c] * affine.scale[c] + affine.shift[c];
  TRY(set_bias(e, node, bias));
  if (!all_are(affine.scale, 1)) {
    TRY(scale_weights(e, node,
                      [&](const WeightMap& map, int64_t i) { return affine.scale[static_cast<size_t>(map.output(i))]; }));
  }
  return node;
}

Result<bool> fold_reader(Editor& e, NodeId id) {
  const Node& node = e.node(id);
  const auto linear = linear_of(e, node);
  if (!linear || !e.single_reader(node.outputs[0])) return false;
  const NodeId reader = e.readers(node.outputs[0])[0];
  const auto affine = binary_affine(e, e.node(reader), node.outputs[0], linear->axis, linear->outputs);
  if (!affine) return false;
  e.absorb(id, reader, TRY(fold_after(e, node, *affine)));
  return true;
}

Result<std::optional<Node>> fold_before(Editor& e, const Node& linear, const Affine& affine, ValueId x) {
  // A zero of the padding would have to become minus shift / scale.
  const bool shifts = !all_are(affine.shift, 0);
  if (linear.is("ConvTranspose") || (shifts && linear.is("Conv") && !pads_nothing(linear))) return std::optional<Node>();
  Node node = linear;
  const int64_t channels = linear_of(e, linear)->outputs;
  if (shifts) {
    std::vector<double> bias = bias_of(e, node, channels);
    const Tensor old = *e.graph().constant(node.inputs[1]);
    const std::vector<double> weights = doubles_of(old);
    const WeightMap map = weight_map(node, old.shape());
    for (size_t i = 0; i < weights.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      bias[static_cast<size_t>(map.output(at))] += weights[i] * affine.shift[static_cast<size_t>(map.input(at))];
    }
    TRY(set_bias(e, node, bias));
  }
  TRY(scale_weights(e, node, [&](const WeightMap& map, int64_t i) { return affine.scale[static_cast<size_t>(map.input(i))]; }));
  node.inputs[0] = x;
  return std::optional<Node>(std::move(node));
}

}  // namespace tercel::passes
