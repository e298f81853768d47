#include <algorithm>

#include "ops/element_types.h"
#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

Result<Shape> broadcast_inputs(const InferContext& c) {
  TRY(want_inputs(c, std::max<size_t>(c.input_count(), 1)));
  Shape shape = c.shape(0);
  for (size_t i = 1; i < c.input_count(); ++i) shape = TRY(broadcast(shape, c.shape(i)));
  return shape;
}

// Any number of inputs of one type, broadcast; covers the binary operators.
template <TypeSet Allowed>
Result<void> infer_broadcast(InferContext& c) {
  TRY(want_type(c, 0, Allowed));
  TRY(want_same_dtype(c, 0, c.input_count() - 1));
  return emit(c, 0, c.dtype(0), TRY(broadcast_inputs(c)));
}

template <TypeSet Allowed>
Result<void> infer_comparison(InferContext& c) {
  TRY(want_type(c, 0, Allowed));
  TRY(want_same_dtype(c, 0, 1));
  return emit(c, 0, DType::kBool, TRY(broadcast_inputs(c)));
}

template <TypeSet Allowed>
Result<void> infer_predicate(InferContext& c) {
  TRY(want_type(c, 0, Allowed));
  return emit(c, 0, DType::kBool, c.shape(0));
}

Dim divide(Dim a, Dim b) {
  if (a.same_as(b) && !(a == Dim(0))) return Dim(1);
  return b.is_known() && b.size() > 0 ? floor_divide(a, b.size()) : Dim::unknown();
}

// Arithmetic that also computes on extents, so that shape arithmetic stays symbolic: int tensors of rank 0 and 1.
template <Dim (*Combine)(Dim, Dim)>
Result<void> infer_arithmetic(InferContext& c) {
  TRY(infer_broadcast<kNumericTypes>(c));
  const auto a = tracked_dims(c, 0), b = tracked_dims(c, 1);
  if (!a || !b || a->empty() || b->empty()) return {};
  const size_t count = std::max(a->size(), b->size());
  if ((a->size() != count && a->size() != 1) || (b->size() != count && b->size() != 1)) return {};
  std::vector<Dim> result;
  for (size_t i = 0; i < count; ++i) result.push_back(Combine((*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]));
  c.set_output_dims(0, std::move(result));
  return {};
}

Dim add(Dim a, Dim b) { return a + b; }
Dim subtract(Dim a, Dim b) { return a.same_as(b) ? Dim(0) : a - b; }
Dim multiply(Dim a, Dim b) { return a * b; }

void pass_dims_on(InferContext& c) {
  if (auto dims = tracked_dims(c, 0)) c.set_output_dims(0, std::move(*dims));
}

Result<void> infer_identity(InferContext& c) {
  TRY(emit(c, 0, c.dtype(0), c.shape(0)));
  pass_dims_on(c);
  return {};
}

Result<void> infer_cast(InferContext& c) {
  const DType to = TRY(dtype_from_onnx(TRY(need_int(c.attributes(), "to"))));
  TRY(emit(c, 0, to, c.shape(0)));
  if (contains(kIndexTypes, to)) pass_dims_on(c);
  return {};
}

Result<void> infer_cast_like(InferContext& c) {
  TRY(emit(c, 0, c.dtype(1), c.shape(0)));
  if (contains(kIndexTypes, c.dtype(1))) pass_dims_on(c);
  return {};
}

Result<void> infer_bit_cast(InferContext& c) {
  const DType to = TRY(dtype_from_onnx(TRY(need_int(c.attributes(), "to"))));
  if (dtype_size(to) != dtype_size(c.dtype(0)))
    return invalid("BitCast from " + std::string(dtype_name(c.dtype(0))) + " to " + std::string(dtype_name(to)) +
                   ": the types must have the same size");
  return emit(c, 0, to, c.shape(0));
}

Result<void> infer_bit_shift(InferContext& c) {
  const std::string_view direction = c.attributes().get_string("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") return invalid("attribute 'direction' must be LEFT or RIGHT");
  return infer_broadcast<kUnsignedTypes>(c);
}

Result<void> infer_mod(InferContext& c) {
  TRY(infer_broadcast<kNumericTypes>(c));
  if (is_float(c.dtype(0)) && c.attributes().get_int("fmod", 0) == 0)
    return invalid("Mod of floating-point inputs needs the attribute fmod = 1");
  return {};
}

Result<void> infer_pow(InferContext& c) {
  TRY(want_type(c, 0, kNumericTypes));
  TRY(want_type(c, 1, kNumericTypes));
  return emit(c, 0, c.dtype(0), TRY(broadcast_inputs(c)));
}

Result<void> infer_clip(InferContext& c) {
  TRY(want_type(c, 0, kNumericTypes));
  TRY(want_same_dtype(c, 0, 2));
  for (size_t i : {1, 2}) TRY(want_one_element(c, i));
  return emit(c, 0, c.dtype(0), c.shape(0));
}

Result<void> infer_prelu(InferContext& c) {
  TRY(infer_broadcast<kNumericTypes>(c));
  const Shape &x = c.shape(0), &slope = c.shape(1);
  for (int i = 0; i < slope.rank(); ++i) {
    const int at = i + x.rank() - slope.rank();
    if (at >= 0 ? slope[i] == Dim(1) || may_equal(slope[i], x[at]) : slope[i] == Dim(1)) continue;
    return invalid("PRelu: slope " + to_string(slope) + " does not broadcast to the input's shape " + to_string(x));
  }
  return emit(c, 0, c.dtype(0), x);
}

Result<void> infer_where(InferContext& c) {
  TRY(want_type(c, 0, kBoolType));
  TRY(want_same_dtype(c, 1, 2));
  return emit(c, 0, c.dtype(1), TRY(broadcast_inputs(c)));
}

Result<void> infer_gelu(InferContext& c) {
  const std::string_view approximate = c.attributes().get_string("approximate", "none");
  if (approximate != "none" && approximate != "tanh") return invalid("attribute 'approximate' must be none or tanh");
  return infer_same<kFloatTypes>(c);
}

// Inference only: the data passes, the mask is all true.
Result<void> infer_dropout(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_one_element(c, 1));
  TRY(want_type(c, 2, kBoolType));
  const auto known_zero = [&](size_t i) {
    const Tensor* value = c.value(i);
    return value && value->elements() == 1 && element_as_double(value->dtype(), value->data(), 0) == 0;
  };
  if (c.has(2) && !known_zero(2) && !known_zero(1))
    return unsupported("Dropout in training mode; export the model for inference");
  TRY(emit(c, 0, c.dtype(0), c.shape(0)));
  return emit(c, 1, DType::kBool, c.shape(0));
}

constexpr OpDef unary(std::string_view name, InferRule rule) { return {name, 1, 1, 1, 1, rule, nullptr, true}; }
constexpr OpDef binary(std::string_view name, InferRule rule) { return {name, 2, 2, 1, 1, rule, nullptr, true}; }
constexpr OpDef variadic(std::string_view name, InferRule rule) { return {name, 1, -1, 1, 1, rule, nullptr, true}; }

constexpr OpDef kOps[] = {
    unary("Abs", infer_same<kNumericTypes>),
    unary("Acos", infer_same<kFloatTypes>),
    unary("Acosh", infer_same<kFloatTypes>),
    binary("Add", infer_arithmetic<add>),
    binary("And", infer_comparison<kBoolType>),
    unary("Asin", infer_same<kFloatTypes>),
    unary("Asinh", infer_same<kFloatTypes>),
    unary("Atan", infer_same<kFloatTypes>),
    unary("Atanh", infer_same<kFloatTypes>),
    unary("BitCast", infer_bit_cast),
    binary("BitShift", infer_bit_shift),
    binary("BitwiseAnd", infer_broadcast<kIntegerTypes>),
    unary("BitwiseNot", infer_same<kIntegerTypes>),
    binary("BitwiseOr", infer_broadcast<kIntegerTypes>),
    binary("BitwiseXor", infer_broadcast<kIntegerTypes>),
    unary("Cast", infer_cast),
    {"CastLike", 2, 2, 1, 1, infer_cast_like},
    unary("Ceil", infer_same<kFloatTypes>),
    unary("Celu", infer_same<kFloatTypes>),
    {"Clip", 1, 3, 1, 1, infer_clip, nullptr, true},
    unary("Cos", infer_same<kFloatTypes>),
    unary("Cosh", infer_same<kFloatTypes>),
    binary("Div", infer_arithmetic<divide>),
    {"Dropout", 1, 3, 1, 2, infer_dropout},
    unary("Elu", infer_same<kFloatTypes>),
    binary("Equal", infer_comparison<kAnyType>),
    unary("Erf", infer_same<kNumericTypes>),
    unary("Exp", infer_same<kFloatTypes>),
    unary("Floor", infer_same<kFloatTypes>),
    unary("Gelu", infer_gelu),
    binary("Greater", infer_comparison<kNumericTypes>),
    binary("GreaterOrEqual", infer_comparison<kNumericTypes>),
    unary("HardSigmoid", infer_same<kFloatTypes>),
    unary("HardSwish", infer_same<kFloatTypes>),
    unary("Identity", infer_identity),
    unary("IsInf", infer_predicate<kFloatTypes>),
    unary("IsNaN", infer_predicate<kFloatTypes>),
    unary("LeakyRelu", infer_same<kFloatTypes>),
    binary("Less", infer_comparison<kNumericTypes>),
    binary("LessOrEqual", infer_comparison<kNumericTypes>),
    unary("Log", infer_same<kFloatTypes>),
    variadic("Max", infer_broadcast<kNumericTypes>),
    variadic("Mean", infer_broadcast<kFloatTypes>),
    variadic("Min", infer_broadcast<kNumericTypes>),
    unary("Mish", infer_same<kFloatTypes>),
    binary("Mod", infer_mod),
    binary("Mul", infer_arithmetic<multiply>),
    unary("Neg", infer_same<kFloatTypes | kSignedTypes>),
    unary("Not", infer_same<kBoolType>),
    binary("Or", infer_comparison<kBoolType>),
    binary("PRelu", infer_prelu),
    binary("Pow", infer_pow),
    unary("Reciprocal", infer_same<kFloatTypes>),
    unary("Relu", infer_same<kFloatTypes | kSignedTypes>),
    unary("Round", infer_same<kFloatTypes>),
    unary("Selu", infer_same<kFloatTypes>),
    unary("Shrink", infer_same<kNumericTypes>),
    unary("Sigmoid", infer_same<kFloatTypes>),
    unary("Sign", infer_same<kNumericTypes>),
    unary("Sin", infer_same<kFloatTypes>),
    unary("Sinh", infer_same<kFloatTypes>),
    unary("Softplus", infer_same<kFloatTypes>),
    unary("Softsign", infer_same<kFloatTypes>),
    unary("Sqrt", infer_same<kFloatTypes>),
    binary("Sub", infer_arithmetic<subtract>),
    variadic("Sum", infer_broadcast<kFloatTypes>),
    unary("Swish", infer_same<kFloatTypes>),
    unary("Tan", infer_same<kFloatTypes>),
    unary("Tanh", infer_same<kFloatTypes>),
    unary("ThresholdedRelu", infer_same<kFloatTypes>),
    {"Where", 3, 3, 1, 1, infer_where, nullptr, true},
    binary("Xor", infer_comparison<kBoolType>),
};

}  // namespace

std::span<const OpDef> elementwise_ops() { return kOps; }

}  // namespace tercel::ops
