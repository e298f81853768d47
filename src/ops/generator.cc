#include "ops/generator.h"

#include <algorithm>
#include <cmath>

#include "ops/element_types.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

ShapeSlice shape_slice(const Attributes& attributes, int rank) {
  const auto clamp = [&](int64_t at) { return static_cast<int>(std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank)); };
  const int start = clamp(attributes.get_int("start", 0));
  return {start, std::max(start, clamp(attributes.get_int("end", rank)))};
}

Result<int64_t> range_length(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  for (const Tensor* t : {&start, &limit, &delta})
    if (t->elements() != 1 || t->dtype() != start.dtype()) return invalid("start, limit and delta must be scalars of one type");
  const auto at = [](const Tensor& t) { return element_as_double(t.dtype(), t.data(), 0); };
  double length = 0;
  if (is_float(start.dtype())) {
    length = std::ceil((at(limit) - at(start)) / at(delta));
  } else {
    const auto exact = [](const Tensor& t) { return static_cast<__int128>(element_as_int(t.dtype(), t.data(), 0)); };
    const __int128 span = exact(limit) - exact(start), step = exact(delta);
    if (step == 0) return invalid("delta must not be 0");
    const __int128 whole = span / step + (span % step != 0 && (span < 0) == (step < 0));
    length = static_cast<double>(whole);
  }
  if (std::isnan(length)) return invalid("start, limit and delta do not make a range: one of them is NaN, or delta is 0");
  if (length > static_cast<double>(kElementsMax))
    return too_large("the range has more than " + std::to_string(kElementsMax) + " elements");
  return length <= 0 ? 0 : static_cast<int64_t>(length);
}

namespace {

Result<void> infer_shape(InferContext& c) {
  const Shape& x = c.shape(0);
  const ShapeSlice slice = shape_slice(c.attributes(), x.rank());
  TRY(emit(c, 0, DType::kInt64, Shape{Dim(slice.end - slice.start)}));
  c.set_output_dims(0, std::vector<Dim>(x.begin() + slice.start, x.begin() + slice.end));
  return {};
}

Result<void> infer_size(InferContext& c) {
  TRY(emit(c, 0, DType::kInt64, Shape{}));
  Dim size(1);
  for (Dim extent : c.shape(0).dims()) size = size * extent;
  c.set_output_dims(0, {size});
  return {};
}

Result<void> infer_constant_of_shape(InferContext& c) {
  TRY(want_type(c, 0, kIntegerTypes));
  TRY(want_rank(c, 0, 1, 1));
  const auto* value = c.attributes().get<Tensor>("value");
  if (value && value->elements() != 1) return invalid("attribute 'value' must hold one element");
  const DType dtype = value ? value->dtype() : DType::kFloat32;
  if (c.value(0)) {
    for (int64_t extent : TRY(parameter_ints(c, 0, "the shape")))
      if (extent < 0) return invalid("the shape holds the negative extent " + std::to_string(extent));
  }
  if (const auto dims = tracked_dims(c, 0)) {
    TRY(set_shape(c, 0, dtype, *dims));
    // A small integer vector of one value, as models use for Expand and Where.
    if (value && contains(kIndexTypes, dtype) && dims->size() == 1 && (*dims)[0].is_known() &&
        (*dims)[0].size() <= kTrackedElementsMax) {
      const int64_t v = element_as_int(dtype, value->data(), 0);
      c.set_output_dims(0, std::vector<Dim>(static_cast<size_t>((*dims)[0].size()), v < 0 ? Dim::unknown() : Dim(v)));
    }
    return {};
  }
  const auto rank = TRY(parameter_length(c, 0, "the shape"));
  if (!rank || *rank > kRankMax) return Error(ErrorCode::kNeedsValue, "the rank of the output depends on data");
  const std::vector<Dim> unknown(static_cast<size_t>(*rank), Dim::unknown());
  return needs_value(c, 0, dtype, unknown, 0);
}

constexpr TypeSet kRangeTypes = kFloatTypes | type_set({DType::kInt16, DType::kInt32, DType::kInt64});

Result<void> infer_range(InferContext& c) {
  TRY(want_type(c, 0, kRangeTypes));
  TRY(want_same_dtype(c, 0, 2));
  for (size_t i : {0, 1, 2}) TRY(want_one_element(c, i));
  if (!c.value(0) || !c.value(1) || !c.value(2)) {
    // Range(0, n, 1) with n an extent has that extent.
    const auto start = tracked_dims(c, 0), limit = tracked_dims(c, 1), delta = tracked_dims(c, 2);
    const auto holds = [](const auto& dims, Dim value) { return dims && dims->size() == 1 && (*dims)[0] == value; };
    if (holds(start, Dim(0)) && holds(delta, Dim(1)) && limit && limit->size() == 1)
      return emit(c, 0, c.dtype(0), Shape{(*limit)[0]});
    return needs_value(c, 0, c.dtype(0), std::vector<Dim>{Dim::unknown()}, c.value(0) ? c.value(1) ? 2 : 1 : 0);
  }
  return emit(c, 0, c.dtype(0), Shape{Dim(TRY(range_length(*c.value(0), *c.value(1), *c.value(2))))});
}

Result<void> infer_eye_like(InferContext& c) {
  TRY(want_rank(c, 0, 2, 2));
  return emit(c, 0, TRY(dtype_attribute(c.attributes(), "dtype", c.dtype(0))), c.shape(0));
}

// The type that the attribute dtype names, among `allowed`.
Result<DType> drawn_type(const InferContext& c, DType otherwise, TypeSet allowed) {
  const DType dtype = TRY(dtype_attribute(c.attributes(), "dtype", otherwise));
  if (contains(allowed, dtype)) return dtype;
  return invalid("attribute 'dtype' names " + std::string(dtype_name(dtype)) + ", which this operator does not draw");
}

Result<void> infer_random(InferContext& c) {
  const auto extents = c.attributes().get_ints("shape");
  if (!c.attributes().has("shape")) return invalid("attribute 'shape' is missing");
  std::vector<Dim> dims;
  for (int64_t extent : extents) {
    if (extent < 0) return invalid("attribute 'shape' holds the negative extent " + std::to_string(extent));
    dims.push_back(Dim(extent));
  }
  return set_shape(c, 0, TRY(drawn_type(c, DType::kFloat32, kFloatTypes)), dims);
}

Result<void> infer_random_like(InferContext& c) {
  const DType like = is_float(c.dtype(0)) ? c.dtype(0) : DType::kFloat32;
  return emit(c, 0, TRY(drawn_type(c, like, kFloatTypes)), c.shape(0));
}

Result<void> infer_bernoulli(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  return emit(c, 0, TRY(drawn_type(c, c.dtype(0), kAnyType)), c.shape(0));
}

Result<void> infer_multinomial(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_rank(c, 0, 2, 2));
  const int64_t samples = c.attributes().get_int("sample_size", 1);
  if (samples < 0) return invalid("attribute 'sample_size' is negative");
  if (c.shape(0)[1] == Dim(0)) return invalid("there is no class to draw from");
  return emit(c, 0, TRY(drawn_type(c, DType::kInt32, kIndexTypes)), Shape{c.shape(0)[0], Dim(samples)});
}

constexpr OpDef random(std::string_view name, int inputs, InferRule rule) {
  return {name, inputs, inputs, 1, 1, rule, nullptr, false, false};
}

constexpr OpDef kOps[] = {
    random("Bernoulli", 1, infer_bernoulli),  {"ConstantOfShape", 1, 1, 1, 1, infer_constant_of_shape},
    {"EyeLike", 1, 1, 1, 1, infer_eye_like},  random("Multinomial", 1, infer_multinomial),
    random("RandomNormal", 0, infer_random),  random("RandomNormalLike", 1, infer_random_like),
    random("RandomUniform", 0, infer_random), random("RandomUniformLike", 1, infer_random_like),
    {"Range", 3, 3, 1, 1, infer_range},       {"Shape", 1, 1, 1, 1, infer_shape},
    {"Size", 1, 1, 1, 1, infer_size},
};

}  // namespace

std::span<const OpDef> generator_ops() { return kOps; }

}  // namespace tercel::ops
