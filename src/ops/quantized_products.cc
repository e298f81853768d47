// Shape rules of the products of 8-bit integers: MatMulInteger, QLinearMatMul, ConvInteger, QLinearConv.
#include "ops/matrix_rules.h"
#include "ops/quantized.h"
#include "ops/rules.h"
#include "ops/window.h"

namespace tercel::ops {

namespace {

constexpr TypeSet kByteTypes = type_set({DType::kInt8, DType::kUint8});
constexpr TypeSet kScaleTypes = type_set({DType::kFloat32, DType::kFloat16, DType::kBFloat16});

Result<void> want_line_grain(const InferContext& context, size_t matrices, size_t parameter, bool rows) {
  if (!context.has(parameter) || !context.shape(parameter).is_static() || !context.shape(matrices).is_static()) return {};
  const auto grain = line_grain(context.shape(matrices), context.shape(parameter), rows);
  return grain.ok() ? Result<void>() : Result<void>(grain.error());
}

// The zero point of weights [M, ...]: one, or one for each of M.
Result<void> want_channel_parameter(const InferContext& context, size_t weights, size_t parameter) {
  if (!context.has(parameter) || context.shape(parameter).rank() == 0) return {};
  TRY(want_rank(context, parameter, 1, 1));
  const Dim count = context.shape(parameter)[0];
  if (count != Dim(1)) TRY(unify(count, context.shape(weights)[0], "the parameters of the weights and the output channels"));
  return {};
}

// [N, C, space...] by weights [M, C / group, kernel...].
Result<Shape> convolved_shape(const InferContext& context, size_t input, size_t weights) {
  TRY(want_rank(context, input, 3, 2 + kSpatialMax));
  const Shape &x = context.shape(input), &w = context.shape(weights);
  TRY(want_rank(context, weights, x.rank(), x.rank()));
  const int64_t group = context.attributes().get_int("group", 1);
  if (group < 1 || group > kWindowMax) return invalid("attribute group is " + std::to_string(group));
  TRY(unify(x[1], w[1] * Dim(group), "the input channels and those of the weights times group"));
  if (w[0].is_known() && w.size(0) % group != 0)
    return invalid("the output channels are no multiple of group " + std::to_string(group));
  Shape out{x[0], w[0]};
  std::vector<int64_t> kernel;
  for (int i = 2; i < w.rank() && w[i].is_known(); ++i) kernel.push_back(w.size(i));
  for (int i = 2; i < x.rank(); ++i) out.push_back(Dim::unknown());
  if (static_cast<int>(kernel.size()) != x.rank() - 2) return out;
  const Windows windows = TRY(windows_of(context.attributes(), kernel, x.rank() - 2));
  for (int i = 0; i < windows.rank; ++i) out[i + 2] = TRY(output_extent(windows, i, x[i + 2]));
  return out;
}

}  // namespace

Result<LineGrain> line_grain(const Shape& matrices, const Shape& parameter, bool rows) {
  if (parameter.elements() == 1) return LineGrain::kTensor;
  const int rank = matrices.rank();
  const std::string mismatch =
      "a scale or zero point of shape " + to_string(parameter) + " does not fit matrices of shape " + to_string(matrices);
  if (rank < 2) return invalid(mismatch);
  const int line_axis = rows ? rank - 2 : rank - 1;
  if (parameter.rank() == 1 && parameter[0] == matrices[line_axis]) return LineGrain::kVector;
  if (parameter.rank() != rank) return invalid(mismatch);
  for (int i = 0; i < rank; ++i)
    if (parameter[i] != (i < rank - 2 || i == line_axis ? matrices[i] : Dim(1))) return invalid(mismatch);
  return LineGrain::kMatrices;
}

Result<void> infer_matmul_integer(InferContext& context) {
  TRY(want_inputs(context, 2));
  for (size_t i = 0; i < 4; ++i) TRY(want_type(context, i, kByteTypes));
  if (context.has(2)) TRY(want_dtype(context, 2, context.dtype(2) == context.dtype(0), "the element type of A"));
  if (context.has(3)) TRY(want_dtype(context, 3, context.dtype(3) == context.dtype(1), "the element type of B"));
  TRY(want_line_grain(context, 0, 2, true));
  TRY(want_line_grain(context, 1, 3, false));
  return emit(context, 0, DType::kInt32, TRY(matmul_shape(context.shape(0), context.shape(1))));
}

Result<void> infer_qlinear_matmul(InferContext& context) {
  TRY(want_inputs(context, 8));
  for (size_t i : {0, 2, 3, 5, 7}) TRY(want_type(context, i, kByteTypes));
  for (size_t i : {1, 4, 6}) TRY(want_type(context, i, kScaleTypes));
  TRY(want_dtype(context, 2, context.dtype(2) == context.dtype(0), "the element type of a"));
  TRY(want_dtype(context, 5, context.dtype(5) == context.dtype(3), "the element type of b"));
  for (size_t i : {1, 2}) TRY(want_line_grain(context, 0, i, true));
  for (size_t i : {4, 5}) TRY(want_line_grain(context, 3, i, false));
  for (size_t i : {6, 7}) TRY(want_one_element(context, i));
  return emit(context, 0, context.dtype(7), TRY(matmul_shape(context.shape(0), context.shape(3))));
}

Result<void> infer_conv_integer(InferContext& context) {
  TRY(want_inputs(context, 2));
  for (size_t i = 0; i < 4; ++i) TRY(want_type(context, i, kByteTypes));
  if (context.has(2)) TRY(want_dtype(context, 2, context.dtype(2) == context.dtype(0), "the element type of x"));
  if (context.has(3)) TRY(want_dtype(context, 3, context.dtype(3) == context.dtype(1), "the element type of w"));
  TRY(want_one_element(context, 2));
  const Shape out = TRY(convolved_shape(context, 0, 1));
  TRY(want_channel_parameter(context, 1, 3));
  return emit(context, 0, DType::kInt32, out);
}

Result<void> infer_qlinear_conv(InferContext& context) {
  TRY(want_inputs(context, 8));
  for (size_t i : {0, 2, 3, 5, 7}) TRY(want_type(context, i, kByteTypes));
  for (size_t i : {1, 4, 6}) TRY(want_type(context, i, type_set({DType::kFloat32})));
  TRY(want_type(context, 8, type_set({DType::kInt32})));
  TRY(want_dtype(context, 2, context.dtype(2) == context.dtype(0), "the element type of x"));
  TRY(want_dtype(context, 5, context.dtype(5) == context.dtype(3), "the element type of w"));
  for (size_t i : {1, 2, 6, 7}) TRY(want_one_element(context, i));
  const Shape out = TRY(convolved_shape(context, 0, 3));
  for (size_t i : {4, 5}) TRY(want_channel_parameter(context, 3, i));
  if (context.has(8)) {
    TRY(want_rank(context, 8, 1, 1));
    TRY(unify(context.shape(8)[0], context.shape(3)[0], "the bias and the output channels"));
  }
  return emit(context, 0, context.dtype(7), out);
}

}  // namespace tercel::ops
