// Operators of ai.onnx.ml that prepare features: each becomes a few operators of ai.onnx, or a lookup.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "onnx/adapters.h"
#include "onnx/ml.h"
#include "ops/element_types.h"

namespace tercel::onnx {

namespace {

// One value for all features or one for each, of type `dtype`.
Result<ValueId> per_feature(NodeContext& node, std::string_view name, std::span<const double> values, DType dtype) {
  if (values.empty()) return invalid("'" + std::string(name) + "' lists nothing");
  const Shape shape = values.size() == 1 ? Shape{} : Shape{Dim(std::ssize(values))};
  return ml::cast(node, ml::doubles(node, shape, values), dtype);
}

Result<ValueId> integers(NodeContext& node, size_t i, DType dtype) {
  if (!node.type(i)) return invalid("input " + std::to_string(i) + " is missing; the operator needs it");
  return ml::cast(node, node.inputs[i], dtype);
}

// The "keys" or "values" of a LabelEncoder, which may be in one of several attributes.
Result<Tensor> mapping_side(const NodeContext& node, const std::string& side) {
  if (ml::has_strings(node, side + "_strings") || ml::has_strings(node, "classes_strings"))
    return unsupported("its " + side +
                       " are strings, which are not computed with; map text to numbers before the model, and "
                       "labels to names in the client");
  if (const auto* tensor = node.attributes.get<Tensor>(side + "_tensor")) {
    if (tensor->shape().rank() != 1) return invalid("'" + side + "_tensor' must have one axis");
    return tensor->aligned();
  }
  if (node.attributes.has(side + "_int64s")) {
    const auto ints = node.attributes.get_ints(side + "_int64s");
    return Tensor::of<int64_t>(DType::kInt64, {Dim(std::ssize(ints))}, ints);
  }
  const auto floats = node.attributes.get_floats(side + "_floats");
  return Tensor::of<float>(DType::kFloat32, {Dim(std::ssize(floats))}, floats);
}

Result<Tensor> default_of(const NodeContext& node, DType dtype) {
  if (const auto* tensor = node.attributes.get<Tensor>("default_tensor")) {
    if (tensor->elements() != 1 || tensor->dtype() != dtype)
      return invalid("'default_tensor' must hold one value of the type of the values");
    return tensor->reshaped({Dim(1)}).aligned();
  }
  if (dtype == DType::kInt64) {
    const int64_t value = node.attributes.get_int("default_int64", -1);
    return Tensor::of<int64_t>(dtype, {Dim(1)}, std::span(&value, 1));
  }
  if (dtype != DType::kFloat32) return Tensor::zeros(dtype, {Dim(1)});
  const float value = node.attributes.get_float("default_float", -0.0f);
  return Tensor::of<float>(dtype, {Dim(1)}, std::span(&value, 1));
}

// Places of the keys in rising order, NaN last; of equal keys the first stays.
std::vector<int64_t> order_of(const Tensor& keys) {
  const auto less = [&](int64_t a, int64_t b) {
    if (!is_float(keys.dtype()))
      return element_as_int(keys.dtype(), keys.data(), a) < element_as_int(keys.dtype(), keys.data(), b);
    const double x = element_as_double(keys.dtype(), keys.data(), a), y = element_as_double(keys.dtype(), keys.data(), b);
    return std::isnan(x) ? false : std::isnan(y) ? true : x < y;
  };
  std::vector<int64_t> order(static_cast<size_t>(keys.elements()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), less);
  const auto equal = [&](int64_t a, int64_t b) { return !less(a, b) && !less(b, a); };
  order.erase(std::unique(order.begin(), order.end(), equal), order.end());
  return order;
}

Result<Tensor> picked(const Tensor& from, std::span<const int64_t> places) {
  Tensor result = TRY(Tensor::zeros(from.dtype(), {Dim(std::ssize(places))}));
  const size_t bytes = dtype_size(from.dtype());
  const auto* const source = static_cast<const char*>(from.data());
  auto* const target = static_cast<char*>(result.mutable_data());
  for (size_t i = 0; i < places.size(); ++i)
    std::copy_n(source + static_cast<size_t>(places[i]) * bytes, bytes, target + i * bytes);
  return result;
}

}  // namespace

Result<void> adapt_scaler(NodeContext& node) {
  ValueId y = TRY(ml::reals(node, 0));
  for (const auto& [name, op] : {std::pair{"offset", "Sub"}, std::pair{"scale", "Mul"}}) {
    const auto values = TRY(ml::numbers(node, name));
    if (!values.empty()) y = TRY(node.add(op, {y, TRY(per_feature(node, name, values, DType::kFloat32))}));
  }
  return node.finish("Identity", {y});
}

// A row of zeros stays as it is.
Result<void> adapt_normalizer(NodeContext& node) {
  const ValueId x = TRY(ml::reals(node, 0));
  const std::string_view norm = node.attributes.get_string("norm", "MAX");
  const int64_t axis[] = {-1};
  ValueId size = x;
  if (norm == "MAX") size = TRY(node.add("ReduceMax", {TRY(node.add("Abs", {x})), node.ints(axis)}));
  else if (norm == "L1") size = TRY(node.add("ReduceL1", {x, node.ints(axis)}));
  else if (norm == "L2") size = TRY(node.add("ReduceL2", {x, node.ints(axis)}));
  else return invalid("'norm' must be MAX, L1 or L2");
  const double constants[] = {0, 1};
  const ValueId zero = ml::floats(node, {}, std::span(constants).first(1)),
                one = ml::floats(node, {}, std::span(constants).last(1));
  const ValueId divisor = TRY(node.add("Where", {TRY(node.add("Equal", {size, zero})), one, size}));
  return node.finish("Div", {x, divisor});
}

Result<void> adapt_binarizer(NodeContext& node) {
  if (!node.type(0)) return invalid("input 0 is missing; the operator needs it");
  const DType dtype = node.type(0)->dtype;
  const double threshold = node.attributes.get_float("threshold", 0);
  const ValueId x = is_float(dtype) ? node.inputs[0] : TRY(ml::cast(node, node.inputs[0], DType::kFloat64));
  const ValueId bound = TRY(per_feature(node, "threshold", std::span(&threshold, 1), ml::type_of(node, x).dtype));
  const ValueId above = TRY(node.add("Greater", {x, bound}));
  return node.finish("Cast", {above}, attributes({{"to", ops::onnx_code_of(dtype)}}));
}

Result<void> adapt_imputer(NodeContext& node) {
  if (!node.type(0)) return invalid("input 0 is missing; the operator needs it");
  const ValueId x = node.inputs[0];
  const DType dtype = node.type(0)->dtype;
  if (!is_float(dtype)) {
    const auto values = node.attributes.get_ints("imputed_value_int64s");
    const int64_t replaced = node.attributes.get_int("replaced_value_int64", 0);
    if (values.empty()) return invalid("'imputed_value_int64s' lists nothing");
    const ValueId missing = TRY(node.add("Equal", {x, TRY(ml::cast(node, node.integer(replaced), dtype))}));
    return node.finish("Where", {missing, TRY(ml::cast(node, node.ints(values), dtype)), x});
  }
  const auto values = TRY(ml::numbers(node, "imputed_value_floats"));
  const ValueId filling = TRY(per_feature(node, "imputed_value_floats", values, dtype));
  const double replaced = node.attributes.get_float("replaced_value_float", 0);
  const ValueId missing =
      std::isnan(replaced)
          ? TRY(node.add("IsNaN", {x}))
          : TRY(node.add("Equal", {x, TRY(per_feature(node, "replaced_value_float", std::span(&replaced, 1), dtype))}));
  return node.finish("Where", {missing, filling, x});
}

// An element in no category gives zeros, also with zeros=0, where other runtimes stop.
Result<void> adapt_one_hot_encoder(NodeContext& node) {
  if (ml::has_strings(node, "cats_strings"))
    return unsupported("its categories are strings, which are not computed with; encode text as integers before the model");
  const auto categories = node.attributes.get_ints("cats_int64s");
  if (categories.empty()) return invalid("'cats_int64s' lists nothing");
  const ValueId x = TRY(integers(node, 0, DType::kInt64));
  const int64_t axis[] = {-1};
  const ValueId column = TRY(node.add("Unsqueeze", {x, node.ints(axis)}));
  const ValueId equal = TRY(node.add("Equal", {column, node.ints(categories)}));
  return node.finish("Cast", {equal}, attributes({{"to", ops::onnx_code_of(DType::kFloat32)}}));
}

Result<void> adapt_label_encoder(NodeContext& node) {
  if (!node.type(0)) return invalid("input 0 is missing; the operator needs it");
  const Tensor keys = TRY(mapping_side(node, "keys")), values = TRY(mapping_side(node, "values"));
  if (keys.elements() == 0 || keys.elements() != values.elements())
    return invalid("its keys and values must be of equal number, at least one; they are " + std::to_string(keys.elements()) +
                   " and " + std::to_string(values.elements()));
  if (keys.dtype() != node.type(0)->dtype)
    return invalid("its keys are " + std::string(dtype_name(keys.dtype())) + ", its input is " +
                   std::string(dtype_name(node.type(0)->dtype)));
  const auto order = order_of(keys);
  const Tensor otherwise = TRY(default_of(node, values.dtype()));
  return node.finish("tercel.Lookup", {node.inputs[0], node.constant(TRY(picked(keys, order))),
                                       node.constant(TRY(picked(values, order))), node.constant(otherwise)});
}

// X [..., F] and indices of any shape: [..., K]; a lone row gives [1, K].
Result<void> adapt_array_feature_extractor(NodeContext& node) {
  if (!node.type(0) || !node.type(1)) return invalid("it needs the features and their indices");
  const int64_t flat[] = {-1}, first[] = {0};
  ValueId x = node.inputs[0];
  if (node.type(0)->shape.rank() == 1) x = TRY(node.add("Unsqueeze", {x, node.ints(first)}));
  const ValueId indices = TRY(node.add("Reshape", {node.inputs[1], node.ints(flat)}));
  return node.finish("Gather", {x, indices}, attributes({{"axis", int64_t{-1}}}));
}

Result<void> adapt_feature_vectorizer(NodeContext& node) {
  std::vector<ValueId> parts;
  const auto widths = node.attributes.get_ints("inputdimensions");
  if (!widths.empty() && widths.size() != node.inputs.size())
    return invalid("'inputdimensions' must have one number for each input");
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId part = TRY(ml::rows(node, i));
    const Dim width = ml::type_of(node, part).shape[1];
    if (!widths.empty() && width.is_known() && width.size() != widths[i])
      return invalid("input " + std::to_string(i) + " has " + std::to_string(width.size()) + " columns, 'inputdimensions' says " +
                     std::to_string(widths[i]));
    parts.push_back(part);
  }
  return node.finish("Concat", std::move(parts), attributes({{"axis", int64_t{1}}}));
}

}  // namespace tercel::onnx
