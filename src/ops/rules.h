#pragma once

#include <initializer_list>

#include "ops/checks.h"

// What shape rules have in common: checks that answer with a sentence, and outputs that stay within the limits.
namespace tercel::ops {

// A set of element types, one bit each.
using TypeSet = uint32_t;
constexpr TypeSet type_set(std::initializer_list<DType> types) {
  TypeSet set = 0;
  for (DType type : types) set |= 1u << static_cast<int>(type);
  return set;
}
inline constexpr TypeSet kFloatTypes = type_set({DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kBFloat16});
inline constexpr TypeSet kSignedTypes = type_set({DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64});
inline constexpr TypeSet kUnsignedTypes = type_set({DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64});
inline constexpr TypeSet kIntegerTypes = kSignedTypes | kUnsignedTypes;
inline constexpr TypeSet kNumericTypes = kFloatTypes | kIntegerTypes;
inline constexpr TypeSet kBoolType = type_set({DType::kBool});
inline constexpr TypeSet kIndexTypes = type_set({DType::kInt32, DType::kInt64});
inline constexpr TypeSet kAnyType = kNumericTypes | kBoolType;
constexpr bool contains(TypeSet set, DType type) { return (set >> static_cast<int>(type)) & 1u; }

// Checks of one input; an absent optional input passes.
Result<void> want_type(const InferContext& context, size_t input, TypeSet allowed);
Result<void> want_one_element(const InferContext& context, size_t input);  // a scalar, or a tensor of one element

// Extents that must be equal: the more exact of the two, or an error that names `what`.
Result<Dim> unify(Dim a, Dim b, std::string_view what);
// May these be equal, as far as is known?
inline bool may_equal(Dim a, Dim b) { return !a.is_known() || !b.is_known() || a == b; }

// An attribute that ONNX makes mandatory.
Result<int64_t> need_int(const Attributes& attributes, std::string_view name);

// set_shape of a Shape.
inline Result<void> emit(InferContext& context, size_t output, DType dtype, const Shape& shape) {
  return set_shape(context, output, dtype, shape.dims());
}

// The rule of operators whose only output has the type and shape of input 0.
template <TypeSet Allowed>
Result<void> infer_same(InferContext& context) {
  TRY(want_type(context, 0, Allowed));
  return emit(context, 0, context.dtype(0), context.shape(0));
}

}  // namespace tercel::ops
