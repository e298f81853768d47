#include "ops/checks.h"

namespace tercel::ops {

std::string describe(const InferContext& context, size_t input) {
  return "input " + std::to_string(input) + " (" + std::string(dtype_name(context.dtype(input))) + " " +
         to_string(context.shape(input)) + ")";
}

Result<void> want_inputs(const InferContext& context, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (!context.has(i)) return invalid("input " + std::to_string(i) + " is missing");
  return {};
}

Result<void> want_rank(const InferContext& context, size_t input, int low, int high) {
  const int rank = context.shape(input).rank();
  if (rank >= low && rank <= high) return {};
  const std::string range = low == high ? std::to_string(low) : std::to_string(low) + ".." + std::to_string(high);
  return invalid(describe(context, input) + " must have rank " + range);
}

Result<void> want_dtype(const InferContext& context, size_t input, bool holds, std::string_view wants) {
  if (holds) return {};
  return invalid(describe(context, input) + " must have " + std::string(wants));
}

Result<void> want_same_dtype(const InferContext& context, size_t first, size_t last) {
  for (size_t i = first; i <= last && i < context.input_count(); ++i)
    if (context.has(i) && context.dtype(i) != context.dtype(first))
      return invalid(describe(context, i) + " must have the element type of " + describe(context, first));
  return {};
}

Result<int> axis_of(const Attributes& attributes, std::string_view name, int64_t otherwise, int rank, bool one_past) {
  auto axis = normalize_axis(attributes.get_int(name, otherwise), rank, one_past);
  if (!axis.ok()) return axis.error().within("attribute " + std::string(name));
  return axis;
}

Result<std::vector<int>> distinct_axes(std::span<const int64_t> axes, int rank) {
  std::vector<int> result;
  bool seen[kRankMax] = {};
  for (int64_t axis : axes) {
    const int a = TRY(normalize_axis(axis, rank));
    if (seen[a]) return invalid("axis " + std::to_string(axis) + " is listed twice");
    seen[a] = true;
    result.push_back(a);
  }
  return result;
}

Result<std::vector<int64_t>> parameter_ints(const Tensor& tensor, std::string_view what) {
  if (!is_integer(tensor.dtype()) || tensor.shape().rank() > 1)
    return invalid(std::string(what) + " must be a list of integers, not " + std::string(dtype_name(tensor.dtype())) + " " +
                   to_string(tensor.shape()));
  if (tensor.elements() > kParameterElementsMax)
    return too_large(std::string(what) + " has " + std::to_string(tensor.elements()) + " elements, more than " +
                     std::to_string(kParameterElementsMax));
  return as_ints(tensor);
}

Result<std::vector<int64_t>> parameter_ints(const InferContext& context, size_t input, std::string_view what) {
  return parameter_ints(*TRY(context.need_value(input)), what);
}

Result<std::optional<int>> parameter_length(const InferContext& context, size_t input, std::string_view what) {
  const std::string name(what);
  if (!is_integer(context.dtype(input)) || context.shape(input).rank() > 1)
    return invalid(name + " must be a list of integers, not " + std::string(dtype_name(context.dtype(input))) + " " +
                   to_string(context.shape(input)));
  if (context.shape(input).rank() == 0) return std::optional<int>(1);
  const Dim length = context.shape(input)[0];
  if (!length.is_known()) return std::optional<int>();
  if (length.size() > kParameterElementsMax)
    return too_large(name + " has " + std::to_string(length.size()) + " elements, more than " +
                     std::to_string(kParameterElementsMax));
  return std::optional<int>(static_cast<int>(length.size()));
}

std::optional<std::vector<Dim>> tracked_dims(const InferContext& context, size_t input) {
  if (!context.has(input) || !is_integer(context.dtype(input))) return std::nullopt;
  if (const Tensor* value = context.value(input)) {
    if (value->elements() > kTrackedElementsMax) return std::nullopt;
    std::vector<Dim> dims;
    for (int64_t v : as_ints(*value)) dims.push_back(v < 0 ? Dim::unknown() : Dim(v));
    return dims;
  }
  auto dims = context.dims(input);
  if (dims && static_cast<int64_t>(dims->size()) > kTrackedElementsMax) return std::nullopt;
  return dims;
}

Result<void> set_shape(InferContext& context, size_t output, DType dtype, std::span<const Dim> dims) {
  if (dims.size() > static_cast<size_t>(kRankMax))
    return too_large("the output has rank " + std::to_string(dims.size()) + ", more than " + std::to_string(kRankMax));
  const Shape shape(dims);
  if (shape.is_static()) TRY(checked_elements(shape));
  if (output < context.output_count()) context.set_output(output, dtype, shape);
  return {};
}

Error needs_value(InferContext& context, size_t output, DType dtype, std::span<const Dim> dims, size_t input) {
  if (auto set = set_shape(context, output, dtype, dims); !set.ok()) return set.error();
  return Error(ErrorCode::kNeedsValue, "the output shape depends on the contents of input " + std::to_string(input));
}

}  // namespace tercel::ops
