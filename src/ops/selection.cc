// Operators whose output size comes from contents: OneHot, TopK, NonZero, Compress, Unique.
#include <algorithm>
#include <cmath>

#include "ops/indexing.h"
#include "ops/rules.h"

namespace tercel::ops {

int64_t saturated_int(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 0x1p63) return INT64_MAX;
  if (value < -0x1p63) return INT64_MIN;
  return static_cast<int64_t>(value);
}

Result<int64_t> one_integer(const Tensor& tensor, std::string_view what) {
  if (tensor.elements() != 1) return invalid(std::string(what) + " must be one number, not " + to_string(tensor.shape()));
  if (is_float(tensor.dtype())) return saturated_int(element_as_double(tensor.dtype(), tensor.data(), 0));
  return element_as_int(tensor.dtype(), tensor.data(), 0);
}

Result<void> infer_one_hot(InferContext& context) {
  TRY(want_inputs(context, 3));
  TRY(want_type(context, 0, kNumericTypes));
  TRY(want_type(context, 1, kNumericTypes));
  TRY(want_one_element(context, 1));
  TRY(want_rank(context, 2, 1, 1));
  TRY(unify(context.shape(2)[0], Dim(2), "the values of the OneHot (off and on)"));
  const Shape& indices = context.shape(0);
  const int axis = TRY(axis_of(context.attributes(), "axis", -1, indices.rank(), true));
  std::vector<Dim> out(indices.begin(), indices.end());
  if (out.size() == static_cast<size_t>(kRankMax))
    return too_large("the output of the OneHot has more than " + std::to_string(kRankMax) + " axes");
  Dim depth = Dim::unknown();
  if (const Tensor* value = context.value(1)) {
    const int64_t number = TRY(one_integer(*value, "the depth of the OneHot"));
    if (number < 0) return invalid("the depth of the OneHot is " + std::to_string(number));
    depth = Dim(number);
  } else if (const auto dims = tracked_dims(context, 1); dims && dims->size() == 1) {
    depth = dims->front();
  }
  out.insert(out.begin() + axis, depth);
  if (depth.is_unknown()) return needs_value(context, 0, context.dtype(2), out, 1);
  return set_shape(context, 0, context.dtype(2), out);
}

Result<void> infer_top_k(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_rank(context, 0, 1));
  TRY(want_type(context, 0, kNumericTypes));
  TRY(want_type(context, 1, kIndexTypes));
  TRY(want_one_element(context, 1));
  const Shape& shape = context.shape(0);
  const int axis = TRY(axis_of(context.attributes(), "axis", -1, shape.rank()));
  std::vector<Dim> out(shape.begin(), shape.end());
  Dim& k = out[static_cast<size_t>(axis)];
  if (const Tensor* value = context.value(1)) {
    const int64_t number = TRY(one_integer(*value, "K of the TopK"));
    if (number < 0 || (shape[axis].is_known() && number > shape.size(axis)))
      return invalid("K of the TopK is " + std::to_string(number) + ", but must be between 0 and the extent of the axis in " +
                     to_string(shape));
    k = Dim(number);
  } else {
    const auto dims = tracked_dims(context, 1);
    k = dims && dims->size() == 1 ? dims->front() : Dim::unknown();
  }
  TRY(set_shape(context, 1, DType::kInt64, out));
  if (k.is_unknown()) return needs_value(context, 0, context.dtype(0), out, 1);
  return set_shape(context, 0, context.dtype(0), out);
}

Result<void> infer_non_zero(InferContext& context) {
  TRY(want_inputs(context, 1));
  const Dim rank(context.shape(0).rank());
  const Tensor* value = context.value(0);
  if (!value) return needs_value(context, 0, DType::kInt64, std::array{rank, Dim::unknown()}, 0);
  int64_t count = 0;
  for (int64_t i = 0; i < value->elements(); ++i) count += element_as_double(value->dtype(), value->data(), i) != 0;
  return set_shape(context, 0, DType::kInt64, std::array{rank, Dim(count)});
}

int64_t count_kept(const Tensor& condition, int64_t extent) {
  const auto* bytes = condition.as<uint8_t>();
  return std::count_if(bytes, bytes + std::min(extent, condition.elements()), [](uint8_t byte) { return byte != 0; });
}

Result<void> infer_compress(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_type(context, 1, kBoolType));
  TRY(want_rank(context, 1, 1, 1));
  const Shape& shape = context.shape(0);
  std::vector<Dim> out;
  Dim* open;
  Dim extent(1);
  if (context.attributes().has("axis")) {
    TRY(want_rank(context, 0, 1));
    const int axis = TRY(axis_of(context.attributes(), "axis", 0, shape.rank()));
    out.assign(shape.begin(), shape.end());
    open = &out[static_cast<size_t>(axis)];
    extent = *open;
  } else {
    for (Dim d : shape.dims()) extent = extent * d;
    out.push_back(Dim::unknown());
    open = out.data();
  }
  *open = Dim::unknown();
  if (!context.value(1) || !extent.is_known()) return needs_value(context, 0, context.dtype(0), out, 1);
  *open = Dim(count_kept(*context.value(1), extent.size()));
  return set_shape(context, 0, context.dtype(0), out);
}

Result<void> infer_unique(InferContext& context) {
  TRY(want_inputs(context, 1));
  const Shape& shape = context.shape(0);
  std::vector<Dim> out{Dim::unknown()};
  size_t open = 0;
  if (context.attributes().has("axis")) {
    TRY(want_rank(context, 0, 1));
    open = static_cast<size_t>(TRY(axis_of(context.attributes(), "axis", 0, shape.rank())));
    out.assign(shape.begin(), shape.end());
    out[open] = Dim::unknown();
  }
  const auto emit_all = [&](Dim groups, Dim slices) -> Result<void> {
    out[open] = groups;
    TRY(set_shape(context, 0, context.dtype(0), out));
    TRY(set_shape(context, 1, DType::kInt64, std::array{groups}));
    TRY(set_shape(context, 2, DType::kInt64, std::array{slices}));
    return set_shape(context, 3, DType::kInt64, std::array{groups});
  };
  TRY(emit_all(Dim::unknown(), Dim::unknown()));
  if (!context.value(0)) return needs_value(context, 0, context.dtype(0), out, 0);
  const Tensor value = TRY(context.value(0)->aligned());
  const UniqueView view = TRY(unique_view(context.attributes(), value.shape()));
  std::vector<int64_t> order(static_cast<size_t>(view.count)), starts(order.size());
  return emit_all(Dim(find_unique(value.dtype(), value.data(), view, true, order, starts)), Dim(view.count));
}

}  // namespace tercel::ops
