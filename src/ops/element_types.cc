#include "ops/element_types.h"

#include <iterator>
#include <optional>

namespace tercel::ops {

namespace {

struct OnnxType {
  std::string_view name;
  std::optional<DType> dtype;
};

// Indexed by TensorProto.DataType.
constexpr OnnxType kOnnxTypes[] = {
    {"undefined", {}},
    {"float32", DType::kFloat32},
    {"uint8", DType::kUint8},
    {"int8", DType::kInt8},
    {"uint16", DType::kUint16},
    {"int16", DType::kInt16},
    {"int32", DType::kInt32},
    {"int64", DType::kInt64},
    {"string", {}},
    {"bool", DType::kBool},
    {"float16", DType::kFloat16},
    {"float64", DType::kFloat64},
    {"uint32", DType::kUint32},
    {"uint64", DType::kUint64},
    {"complex64", {}},
    {"complex128", {}},
    {"bfloat16", DType::kBFloat16},
    {"float8e4m3fn", {}},
    {"float8e4m3fnuz", {}},
    {"float8e5m2", {}},
    {"float8e5m2fnuz", {}},
    {"uint4", {}},
    {"int4", {}},
    {"float4e2m1", {}},
    {"float8e8m0", {}},
    {"uint2", {}},
    {"int2", {}},
};

}  // namespace

Result<DType> dtype_from_onnx(int64_t code) {
  if (code <= 0 || code >= static_cast<int64_t>(std::size(kOnnxTypes)))
    return invalid("element type " + std::to_string(code) + " is not one of ONNX");
  const OnnxType& type = kOnnxTypes[code];
  if (type.dtype) return *type.dtype;
  return unsupported("element type " + std::string(type.name) +
                     " is not computed with; convert the model to float32, float16, bfloat16, an integer type or bool");
}

int64_t onnx_code_of(DType dtype) {
  for (size_t code = 0; code < std::size(kOnnxTypes); ++code)
    if (kOnnxTypes[code].dtype == dtype) return static_cast<int64_t>(code);
  return 0;
}

Result<DType> dtype_attribute(const Attributes& attributes, std::string_view name, DType otherwise) {
  const auto* code = attributes.get<int64_t>(name);
  if (!code) return otherwise;
  auto dtype = dtype_from_onnx(*code);
  if (!dtype) return dtype.error().within("attribute '" + std::string(name) + "'");
  return dtype;
}

}  // namespace tercel::ops
