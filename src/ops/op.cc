#include "ops/op.h"

namespace tercel::ops {

std::optional<std::vector<Dim>> InferContext::dims(size_t i) const {
  if (!has(i)) return std::nullopt;
  if (const Tensor* known = inputs_[i].value; known && is_integer(known->dtype())) {
    std::vector<Dim> dims;
    for (int64_t v : as_ints(*known)) {
      if (v < 0) return std::nullopt;
      dims.push_back(Dim(v));
    }
    return dims;
  }
  if (inputs_[i].dims) return *inputs_[i].dims;
  return std::nullopt;
}

Result<std::vector<int64_t>> InferContext::ints(size_t i) const {
  const Tensor* tensor = TRY(need_value(i));
  if (!is_integer(tensor->dtype()) && tensor->dtype() != DType::kBool)
    return invalid("input " + std::to_string(i) + " must hold integers, not " + std::string(dtype_name(tensor->dtype())));
  return as_ints(*tensor);
}

Result<const Tensor*> InferContext::need_value(size_t i) const {
  if (!has(i)) return invalid("input " + std::to_string(i) + " is missing");
  if (inputs_[i].value) return inputs_[i].value;
  return Error(ErrorCode::kNeedsValue, "the output shape depends on the contents of input " + std::to_string(i));
}

}  // namespace tercel::ops
