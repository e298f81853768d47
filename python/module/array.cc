#include "module/array.h"

#include <optional>

#include "module/errors.h"

namespace tercel::python {

namespace nb = nanobind;

namespace {

constexpr nb::dlpack::dtype dlpack_type(DType type) {
  using Code = nb::dlpack::dtype_code;
  const Code code = type == DType::kBFloat16  ? Code::Bfloat
                    : type == DType::kBool    ? Code::Bool
                    : is_float(type)          ? Code::Float
                    : is_signed_integer(type) ? Code::Int
                                              : Code::UInt;
  return {static_cast<uint8_t>(code), static_cast<uint8_t>(8 * dtype_size(type)), 1};
}

std::string name_of(nb::dlpack::dtype type) {
  for (int t = 0; t < kDTypeCount; ++t)
    if (dlpack_type(static_cast<DType>(t)) == type) return std::string(dtype_name(static_cast<DType>(t)));
  if (type.code == static_cast<uint8_t>(nb::dlpack::dtype_code::Complex)) return "complex" + std::to_string(type.bits);
  return "of " + std::to_string(type.bits) + " bits and a type that Tercel does not compute with";
}

// What a caller writes for the type, in NumPy's world.
std::string numpy_type(DType type) {
  if (type == DType::kBFloat16) return "ml_dtypes.bfloat16";
  return "numpy." + std::string(type == DType::kBool ? "bool_" : dtype_name(type));
}

std::string attribute_text(nb::handle object, const char* name) {
  return nb::str(nb::getattr(object, name, nb::str(""))).c_str();
}

// NumPy exports ml_dtypes' bfloat16 neither by DLPack nor as a buffer: its bits travel as uint16.
bool is_numpy_bfloat16(nb::handle object) {
  return nb::hasattr(object, "__array_interface__") && attribute_text(object, "dtype") == "bfloat16";
}

using ReadOnly = nb::ndarray<nb::ro>;
std::optional<ReadOnly> imported(nb::handle object, Access access) {
  if (access == Access::kRead) {
    ReadOnly array;
    return nb::try_cast(object, array, false) ? std::optional(array) : std::nullopt;
  }
  nb::ndarray<> array;
  return nb::try_cast(object, array, false) ? std::optional(ReadOnly(array)) : std::nullopt;
}

bool is_true(nb::handle object, const char* name) {
  const nb::object value = nb::getattr(object, name, nb::none());
  return value.ptr() == Py_True;
}

// Why an object could not be imported, as far as its attributes say.
Error refused(nb::handle object, const std::string& what, DType wanted, Access access) {
  const std::string name(dtype_name(wanted)), written = numpy_type(wanted);
  const std::string type = nb::str(nb::handle(object.type()).attr("__name__")).c_str();
  if (access == Access::kWrite && imported(object, Access::kRead))
    return invalid(what + " is read-only: pass an array that may be written, numpy.empty(shape, " + written + ") for one");
  if (!nb::hasattr(object, "dtype"))
    return invalid(what + " is a " + type + ": pass a NumPy array of " + name +
                   ", or an object in CPU memory that exports DLPack; numpy.asarray(x, " + written + ") makes one");
  const nb::object dtype = object.attr("dtype");
  if (nb::hasattr(dtype, "isnative") && !is_true(dtype, "isnative"))
    return invalid(what + " is in the other byte order (" + attribute_text(dtype, "str") +
                   "): pass x.astype(x.dtype.newbyteorder('='))");
  return invalid(what + " is a " + type + " of " + attribute_text(object, "dtype") +
                 " that exports neither DLPack nor a buffer in CPU memory; " + name +
                 " is wanted: convert it, numpy.asarray(x, " + written + ") for one");
}

// The strides of a dense row-major array; those of extents of 1, and of empty arrays, do not matter.
bool is_contiguous(const ReadOnly& array) {
  if (array.size() == 0) return true;
  int64_t expected = 1;
  for (size_t i = array.ndim(); i-- > 0; expected *= static_cast<int64_t>(array.shape(i)))
    if (array.shape(i) != 1 && array.stride(i) != expected) return false;
  return true;
}

std::string strides_text(const ReadOnly& array) {
  std::string text;
  for (size_t i = 0; i < array.ndim(); ++i) text += (i ? ", " : "") + std::to_string(array.stride(i));
  return text;
}

Error of_another_type(const std::string& what, const std::string& type, DType wanted) {
  return invalid(what + " is " + type + " where " + std::string(dtype_name(wanted)) + " is wanted: convert it, x.astype(" +
                 numpy_type(wanted) + ") for one; Tercel does not cast");
}

// The type of an array of `wanted` elements that are exported as `stored` ones, once nothing speaks against using its memory.
Result<TensorType> checked_type(const ReadOnly& array, const std::string& what, DType wanted, DType stored) {
  if (array.device_type() != nb::device::cpu::value)
    return invalid(what + " is not in CPU memory: copy it there first, x.cpu() for one");
  if (array.dtype() != dlpack_type(stored)) return of_another_type(what, name_of(array.dtype()), wanted);
  if (array.ndim() > static_cast<size_t>(kRankMax))
    return too_large(what + " is of rank " + std::to_string(array.ndim()) + ", more than " + std::to_string(kRankMax));
  TensorType type{wanted, Shape()};
  for (size_t i = 0; i < array.ndim(); ++i) type.shape.push_back(Dim(static_cast<int64_t>(array.shape(i))));
  if (const auto elements = checked_elements(type.shape); !elements.ok()) return elements.error().within(what);
  if (!is_contiguous(array))
    return invalid(what + " is not contiguous (its strides are " + strides_text(array) +
                   " elements): pass numpy.ascontiguousarray(x)");
  if (type.shape.elements() > 0 && reinterpret_cast<uintptr_t>(array.data()) % dtype_size(wanted) != 0)
    return invalid(what + " is not aligned to its elements: pass x.copy()");
  return type;
}

}  // namespace

Array array_of(nb::handle object, const std::string& what, DType wanted, Access access) {
  DType stored = wanted;
  nb::object source = nb::borrow(object);
  auto array = imported(source, access);
  if (!array && is_numpy_bfloat16(source)) {
    if (wanted != DType::kBFloat16) raise(of_another_type(what, "bfloat16", wanted));
    stored = DType::kUint16;
    source = source.attr("view")("uint16");
    array = imported(source, access);
  }
  if (!array) raise(refused(source, what, wanted, access));
  TensorType type = take(checked_type(*array, what, wanted, stored));
  return {type, const_cast<void*>(static_cast<const void*>(array->data())), *std::move(array)};
}

nb::object new_array(const TensorType& type, bool aligned) {
  nb::list shape;
  for (int64_t size : type.shape.sizes()) shape.append(size);
  const nb::object arrays = nb::module_::import_("tercel._arrays");
  const std::string_view name = dtype_name(type.dtype);
  return arrays.attr(aligned ? "aligned_empty" : "empty")(nb::str(name.data(), name.size()), nb::tuple(shape));
}

}  // namespace tercel::python
