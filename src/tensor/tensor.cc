#include "tensor/tensor.h"

#include <cstdlib>
#include <cstring>

namespace tercel {

Result<Tensor> Tensor::zeros(DType dtype, const Shape& shape) {
  const int64_t elements = TRY(checked_elements(shape));
  const size_t bytes = align_up(static_cast<size_t>(elements) * dtype_size(dtype) + 1, kTensorAlignment);
  void* data = std::aligned_alloc(kTensorAlignment, bytes);
  if (!data) return Error(ErrorCode::kExhausted, "no memory for a tensor of " + std::to_string(bytes) + " bytes");
  std::memset(data, 0, bytes);
  return view(dtype, shape, data, std::shared_ptr<const void>(data, [](const void* p) { std::free(const_cast<void*>(p)); }));
}

Tensor Tensor::view(DType dtype, const Shape& shape, const void* data, std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.type_ = {dtype, shape};
  tensor.data_ = data;
  tensor.owner_ = std::move(owner);
  return tensor;
}

Result<Tensor> Tensor::aligned() const {
  if (is_aligned()) return *this;
  Tensor copy = TRY(zeros(dtype(), shape()));
  std::memcpy(copy.mutable_data(), data_, bytes());
  return copy;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  check(shape.elements() == elements(), "element count of a reshaped tensor");
  return view(dtype(), shape, data_, owner_);
}

namespace {

template <typename T>
T load(const void* data, int64_t i) {
  const char* at = static_cast<const char*>(data) + i * static_cast<int64_t>(sizeof(T));
  if constexpr (std::is_same_v<T, bool>) return *at != 0;  // bytes of a request may be anything
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <typename Out, typename T>
Out widen(T value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) return static_cast<Out>(static_cast<float>(value));
  else return static_cast<Out>(value);
}

}  // namespace

int64_t element_as_int(DType dtype, const void* data, int64_t i) {
  return visit_dtype(dtype, [&]<typename T>() { return widen<int64_t>(load<T>(data, i)); });
}

double element_as_double(DType dtype, const void* data, int64_t i) {
  return visit_dtype(dtype, [&]<typename T>() { return widen<double>(load<T>(data, i)); });
}

std::vector<int64_t> as_ints(const Tensor& tensor) {
  std::vector<int64_t> values(static_cast<size_t>(tensor.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = element_as_int(tensor.dtype(), tensor.data(), static_cast<int64_t>(i));
  return values;
}

}  // namespace tercel
