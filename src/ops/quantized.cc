#include "ops/quantized.h"

#include "ops/element_types.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

constexpr TypeSet kQuantizedTypes = type_set({DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16});
constexpr TypeSet kSmallFloatTypes = type_set({DType::kFloat32, DType::kFloat16, DType::kBFloat16});

bool is_one(const Shape& shape) {
  for (Dim d : shape.dims())
    if (d != Dim(1)) return false;
  return true;
}

// Where the scale is not a single number: does it fit the data, as far as extents are known?
Result<void> check_scale(const InferContext& context) {
  const Shape &data = context.shape(0), &scale = context.shape(1);
  if (is_one(scale)) {
    TRY(want_one_element(context, 2));
  } else if (context.has(2) && scale.is_static()) {
    TRY(want_rank(context, 2, scale.rank(), scale.rank()));
    for (int i = 0; i < scale.rank(); ++i) TRY(unify(scale[i], context.shape(2)[i], "extents of scale and zero point"));
  }
  if (data.is_static() && scale.is_static()) TRY(quantization_grain(context.attributes(), data, scale));
  return {};
}

}  // namespace

Result<QuantizationGrain> quantization_grain(const Attributes& attributes, const Shape& data, const Shape& scale) {
  using Kind = QuantizationGrain::Kind;
  QuantizationGrain grain;
  const int64_t block = attributes.get_int("block_size", 0);
  if (block < 0 || block > kElementsMax) return invalid("attribute block_size is " + std::to_string(block));
  if (block == 0 && is_one(scale)) return grain;
  if (data.rank() == 0) return invalid("a scalar cannot have scales of shape " + to_string(scale));
  const int axis = data.rank() == 1 ? 0 : TRY(axis_of(attributes, "axis", 1, data.rank()));
  grain = {Kind::kAxis, data.size(axis), data.elements(axis + 1, data.rank())};
  const std::string mismatch = "the scale of shape " + to_string(scale) + " does not fit data of shape " + to_string(data);
  if (block == 0) {
    if (scale.rank() != 1 || scale[0] != data[axis]) return invalid(mismatch + " along axis " + std::to_string(axis));
    return grain;
  }
  grain.kind = Kind::kBlock;
  grain.block = block;
  grain.blocks = ceil_divide(data[axis], block).size();
  if (scale.rank() != data.rank()) return invalid(mismatch + " with blocks");
  for (int i = 0; i < data.rank(); ++i)
    if (scale[i] != (i == axis ? Dim(grain.blocks) : data[i]))
      return invalid(mismatch + " in blocks of " + std::to_string(block));
  return grain;
}

Result<DType> division_type(const Attributes& attributes, DType scale) {
  const DType type = attributes.get_int("precision", 0) == 0 ? scale : TRY(dtype_attribute(attributes, "precision", scale));
  return is_float(type) ? type : DType::kFloat64;
}

Result<void> infer_quantize_linear(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_type(context, 0, kSmallFloatTypes | type_set({DType::kInt32})));
  TRY(want_type(context, 1, kSmallFloatTypes | type_set({DType::kInt32})));
  TRY(want_type(context, 2, kQuantizedTypes));
  TRY(check_scale(context));
  TRY(division_type(context.attributes(), context.dtype(1)));
  DType out = context.has(2) ? context.dtype(2) : DType::kUint8;
  if (context.attributes().get_int("output_dtype", 0) != 0) {
    const DType named = TRY(dtype_attribute(context.attributes(), "output_dtype", out));
    if (context.has(2) && named != out) return invalid("attribute output_dtype and the zero point name different types");
    if (!contains(kQuantizedTypes, named))
      return unsupported("attribute output_dtype names " + std::string(dtype_name(named)) +
                         "; int8, uint8, int16 and uint16 are supported");
    out = named;
  }
  return emit(context, 0, out, context.shape(0));
}

Result<void> infer_dequantize_linear(InferContext& context) {
  TRY(want_inputs(context, 2));
  TRY(want_type(context, 0, kQuantizedTypes | type_set({DType::kInt32})));
  TRY(want_type(context, 1, kSmallFloatTypes));
  if (context.has(2)) TRY(want_dtype(context, 2, context.dtype(2) == context.dtype(0), "the element type of input 0"));
  TRY(check_scale(context));
  DType out = context.dtype(1);
  if (context.attributes().get_int("output_dtype", 0) != 0) out = TRY(dtype_attribute(context.attributes(), "output_dtype", out));
  if (!is_float(out)) return invalid("attribute output_dtype of a DequantizeLinear names " + std::string(dtype_name(out)));
  return emit(context, 0, out, context.shape(0));
}

Result<void> infer_dynamic_quantize_linear(InferContext& context) {
  TRY(want_inputs(context, 1));
  TRY(want_type(context, 0, type_set({DType::kFloat32})));
  TRY(emit(context, 1, DType::kFloat32, {}));
  TRY(emit(context, 2, DType::kUint8, {}));
  return emit(context, 0, DType::kUint8, context.shape(0));
}

namespace {

double flops_quantized_matmul(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs) {
  const Shape& a = inputs[0].shape;
  return a.rank() == 0 ? 0 : 2.0 * static_cast<double>(outputs[0].shape.elements()) * static_cast<double>(a.size(a.rank() - 1));
}

template <size_t Weights>
double flops_quantized_conv(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs) {
  const Shape& w = inputs[Weights].shape;
  return w.rank() < 2 ? 0 : 2.0 * static_cast<double>(w.elements(1, w.rank())) * static_cast<double>(outputs[0].shape.elements());
}

constexpr OpDef kOps[] = {
    {"QuantizeLinear", 2, 3, 1, 1, infer_quantize_linear},
    {"DequantizeLinear", 2, 3, 1, 1, infer_dequantize_linear},
    {"DynamicQuantizeLinear", 1, 1, 3, 3, infer_dynamic_quantize_linear},
    {"MatMulInteger", 2, 4, 1, 1, infer_matmul_integer, flops_quantized_matmul},
    {"QLinearMatMul", 8, 8, 1, 1, infer_qlinear_matmul, flops_quantized_matmul},
    {"ConvInteger", 2, 4, 1, 1, infer_conv_integer, flops_quantized_conv<1>},
    {"QLinearConv", 8, 9, 1, 1, infer_qlinear_conv, flops_quantized_conv<3>},
};

}  // namespace

std::span<const OpDef> quantized_ops() { return kOps; }

}  // namespace tercel::ops
