#pragma once

#include <cstdint>
#include <string_view>

#include "ops/attributes.h"

namespace tercel::ops {

// The element types that ONNX attributes name by number (`to` of Cast, `dtype` of RandomNormal): TensorProto.DataType.
// An error names the type and what to do instead when Tercel does not compute with it (strings, complex, 4- and 8-bit floats).
Result<DType> dtype_from_onnx(int64_t code);
int64_t onnx_code_of(DType dtype);

// The type an attribute names, or `otherwise` when the attribute is absent.
Result<DType> dtype_attribute(const Attributes& attributes, std::string_view name, DType otherwise);

}  // namespace tercel::ops
