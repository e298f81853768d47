#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"

namespace tercel::request {

// One input or output of a model.
struct TensorSignature {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> dims;  // -1 where the extent may vary
};

// What goes into a model and what comes out, in the order of the model.
struct Signature {
  std::vector<TensorSignature> inputs, outputs;
};

// The position of `name`. `hint` is where a well-ordered caller expects it.
std::optional<size_t> find(const std::vector<TensorSignature>& tensors, std::string_view name, size_t hint);

// Whether `type` fits `expected`: element type, rank, fixed extents. Says the first thing that does not.
Result<void> matches(const TensorSignature& expected, const TensorType& type);

// "[1,3,-1]"
std::string dims_text(const std::vector<int64_t>& dims);

}  // namespace tercel::request
