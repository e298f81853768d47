#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "tensor/dtype.h"
#include "tensor/half.h"
#include "tensor/shape.h"

namespace tercel {

// Bytes that every buffer of the engine is aligned to: one cache line, one AVX-512 register.
inline constexpr size_t kTensorAlignment = 64;

// What a tensor is, without where it lies.
struct TensorType {
  DType dtype = DType::kFloat32;
  Shape shape;
  bool operator==(const TensorType&) const = default;
  size_t bytes() const { return static_cast<size_t>(shape.elements()) * dtype_size(dtype); }  // static shapes only
};

// A dense row-major tensor with a static shape whose bytes are owned by, or shared with, whoever made it.
// Copying a Tensor shares the bytes. Not changed after it was handed out.
class Tensor {
 public:
  Tensor() = default;

  // Zero-filled, aligned to kTensorAlignment. Fails when the shape is over the limits or memory is short.
  static Result<Tensor> zeros(DType dtype, const Shape& shape);
  // A view of bytes that `owner` keeps alive (a mapped file, say). They need not be aligned.
  static Tensor view(DType dtype, const Shape& shape, const void* data, std::shared_ptr<const void> owner);
  template <typename T>
  static Tensor of(DType dtype, const Shape& shape, std::span<const T> values);

  const TensorType& type() const { return type_; }
  DType dtype() const { return type_.dtype; }
  const Shape& shape() const { return type_.shape; }
  int64_t elements() const { return type_.shape.elements(); }
  size_t bytes() const { return type_.bytes(); }
  const void* data() const { return data_; }
  void* mutable_data() { return const_cast<void*>(data_); }  // only while the maker fills it
  template <typename T> const T* as() const { return static_cast<const T*>(data_); }
  template <typename T> T* mutable_as() { return static_cast<T*>(mutable_data()); }

  bool is_aligned() const { return reinterpret_cast<uintptr_t>(data_) % dtype_size(type_.dtype) == 0; }
  // This tensor, or a copy of it whose elements are aligned.
  Result<Tensor> aligned() const;
  Tensor reshaped(const Shape& shape) const;  // same bytes, same element count

 private:
  TensorType type_;
  const void* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

// One integer or float element as int64 / double, whatever the type; `i` is the flat index.
int64_t element_as_int(DType dtype, const void* data, int64_t i);
double element_as_double(DType dtype, const void* data, int64_t i);

// All elements of an integer tensor (shapes, axes, indices).
std::vector<int64_t> as_ints(const Tensor& tensor);

// Calls f.template operator()<T>() with the C++ type of `dtype` (Half and BFloat16 for the 16-bit floats).
template <typename F>
decltype(auto) visit_dtype(DType dtype, F&& f);

// Implementation details; readers may stop here.

template <typename T>
Tensor Tensor::of(DType dtype, const Shape& shape, std::span<const T> values) {
  check(sizeof(T) == dtype_size(dtype), "element size of Tensor::of");
  check(static_cast<int64_t>(values.size()) == shape.elements(), "element count of Tensor::of");
  Tensor tensor = zeros(dtype, shape).value();
  std::copy(values.begin(), values.end(), tensor.mutable_as<T>());
  return tensor;
}

template <typename F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat32: return f.template operator()<float>();
    case DType::kFloat64: return f.template operator()<double>();
    case DType::kFloat16: return f.template operator()<Half>();
    case DType::kBFloat16: return f.template operator()<BFloat16>();
    case DType::kInt8: return f.template operator()<int8_t>();
    case DType::kInt16: return f.template operator()<int16_t>();
    case DType::kInt32: return f.template operator()<int32_t>();
    case DType::kInt64: return f.template operator()<int64_t>();
    case DType::kUint8: return f.template operator()<uint8_t>();
    case DType::kUint16: return f.template operator()<uint16_t>();
    case DType::kUint32: return f.template operator()<uint32_t>();
    case DType::kUint64: return f.template operator()<uint64_t>();
    case DType::kBool: return f.template operator()<bool>();
  }
  __builtin_unreachable();
}

}  // namespace tercel
