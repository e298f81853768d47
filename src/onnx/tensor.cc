#include "onnx/tensor.h"

#include <algorithm>
#include <cstring>

#include "onnx/reader.h"
#include "ops/element_types.h"

namespace tercel::onnx {

namespace {

Result<Shape> shape_of(const TensorProto& proto) {
  Shape shape;  // the parser has bounded the rank
  for (const int64_t extent : proto.dims) {
    if (extent < 0) return invalid("its shape has the negative extent " + std::to_string(extent));
    shape.push_back(Dim(extent));
  }
  TRY(checked_elements(shape));
  return shape;
}

// The number of the field that holds elements of `dtype` when they are not raw.
uint32_t field_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return 4;
    case DType::kInt64:
      return 7;
    case DType::kFloat64:
      return 10;
    case DType::kUint32:
    case DType::kUint64:
      return 11;
    default:
      return 5;
  }
}

template <typename T>
T from_field(int64_t value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    T result;
    result.bits = static_cast<uint16_t>(value);
    return result;
  } else {
    return static_cast<T>(value);
  }
}

// Stores the repeated field of `proto` into `tensor`; returns how many elements the file has.
template <typename T>
int64_t decode(const TensorProto& proto, Damage& damage, Tensor& tensor) {
  T* const out = tensor.mutable_as<T>();
  const int64_t wanted = tensor.elements();
  int64_t got = 0;
  const uint32_t field = field_of(tensor.dtype());
  const auto store = [&](T value) {
    if (got++ < wanted) out[got - 1] = value;
  };
  for (Reader reader(proto.message, damage); reader.next();) {
    if (reader.tag() != field) reader.skip();
    else if constexpr (std::is_same_v<T, float>) reader.reals(store);
    else if constexpr (std::is_same_v<T, double>) reader.doubles(store);
    else reader.integers([&](int64_t value) { store(from_field<T>(value)); });
  }
  return got;
}

Result<Tensor> decode_fields(const TensorProto& proto, DType dtype, const Shape& shape) {
  const auto wanted = static_cast<uint64_t>(shape.elements());
  const std::string mismatch = "its shape " + to_string(shape) + " needs " + std::to_string(wanted) + " elements, the file has ";
  // An element takes at least one byte, so a message this short cannot hold them: nothing is allocated for a lie.
  if (wanted > proto.message.size()) return invalid(mismatch + "fewer");
  Tensor tensor = TRY(Tensor::zeros(dtype, shape));
  Damage damage;
  const int64_t got = TRY(guarded("its contents are damaged", damage, [&] {
    return visit_dtype(dtype, [&]<typename T>() { return decode<T>(proto, damage, tensor); });
  }));
  if (static_cast<uint64_t>(got) != wanted) return invalid(mismatch + std::to_string(got));
  return tensor;
}

// Kernels count on bools being 0 or 1; files may hold any byte.
Result<Tensor> with_clean_bools(Tensor tensor) {
  const auto* bytes = static_cast<const uint8_t*>(tensor.data());
  const size_t count = tensor.bytes();
  if (std::all_of(bytes, bytes + count, [](uint8_t b) { return b <= 1; })) return tensor;
  Tensor clean = TRY(Tensor::zeros(DType::kBool, tensor.shape()));
  auto* out = static_cast<uint8_t*>(clean.mutable_data());
  std::transform(bytes, bytes + count, out, [](uint8_t b) { return static_cast<uint8_t>(b != 0); });
  return clean;
}

}  // namespace

Result<DType> element_type(int64_t code) { return ops::dtype_from_onnx(code); }

Result<Tensor> make_tensor(const TensorProto& proto, const TensorSource& source) {
  const DType dtype = TRY(element_type(proto.data_type));
  const Shape shape = TRY(shape_of(proto));
  const auto bytes = checked_multiply(shape.elements(), static_cast<int64_t>(dtype_size(dtype)));
  if (!bytes) return too_large("its size overflows");
  std::string_view raw = proto.raw;
  std::shared_ptr<const void> owner = source.owner;
  if (proto.is_external) {
    auto range = TRY(source.files.find(TRY(parse_external(proto)), static_cast<size_t>(*bytes)));
    raw = range.bytes;
    owner = std::move(range.owner);
  } else if (!proto.has_raw) {
    return decode_fields(proto, dtype, shape);
  } else if (raw.size() != static_cast<uint64_t>(*bytes)) {
    return invalid("its shape " + to_string(shape) + " needs " + std::to_string(*bytes) + " bytes of " +
                   std::string(dtype_name(dtype)) + ", the file has " + std::to_string(raw.size()));
  }
  if (raw.empty()) return Tensor::zeros(dtype, shape);
  Tensor tensor = Tensor::view(dtype, shape, raw.data(), std::move(owner));
  return dtype == DType::kBool ? with_clean_bools(std::move(tensor)) : Result<Tensor>(std::move(tensor));
}

}  // namespace tercel::onnx
