#pragma once

#include "base/result.h"
#include "onnx/proto.h"

namespace tercel::onnx {

// Parses the bytes of a model file. The result points into `image`. Anything that is no ONNX model, is cut short, or
// passes a limit of limits.h is refused with the place where it was noticed.
Result<ModelProto> parse_model(std::string_view image);

// Where a tensor's contents lie outside the file (its external_data entries).
struct ExternalData {
  std::string_view location;
  std::string_view offset, length;  // decimal numbers as text; empty when absent
};
Result<ExternalData> parse_external(const TensorProto& tensor);

}  // namespace tercel::onnx
