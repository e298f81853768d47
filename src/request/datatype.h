#pragma once

#include <optional>
#include <string_view>

#include "tensor/dtype.h"

namespace tercel::request {

// "FP32", "INT64", "BOOL", "BF16", ...: the names of the Open Inference Protocol.
std::string_view datatype_name(DType dtype);
std::optional<DType> datatype_of(std::string_view name);
// The same with the prefix of a model configuration: "TYPE_FP32".
std::string_view config_datatype_name(DType dtype);

}  // namespace tercel::request
