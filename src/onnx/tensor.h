#pragma once

#include "onnx/external_data.h"
#include "onnx/proto.h"
#include "tensor/tensor.h"

namespace tercel::onnx {

// Where the bytes of tensors come from.
struct TensorSource {
  std::shared_ptr<const void> owner;  // keeps the model's image alive
  ExternalFiles& files;
};

// The element type of an ONNX type code, or a refusal that says what to do.
Result<DType> element_type(int64_t code);

// A tensor of the file: a view where its bytes lie raw in the image or in an external file, decoded where they are
// stored as repeated fields. Sizes are checked against the shape before anything is allocated.
Result<Tensor> make_tensor(const TensorProto& proto, const TensorSource& source);

}  // namespace tercel::onnx
