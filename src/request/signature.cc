#include "request/signature.h"

#include "request/datatype.h"

namespace tercel::request {
namespace {

bool fits(const std::vector<int64_t>& dims, const Shape& shape) {
  if (static_cast<int>(dims.size()) != shape.rank()) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    const int64_t wanted = dims[static_cast<size_t>(i)];
    if (wanted >= 0 && wanted != shape.size(i)) return false;
  }
  return true;
}

}  // namespace

std::optional<size_t> find(const std::vector<TensorSignature>& tensors, std::string_view name, size_t hint) {
  if (hint < tensors.size() && tensors[hint].name == name) return hint;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].name == name) return i;
  }
  return std::nullopt;
}

std::string dims_text(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i) text += ',';
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

Result<void> matches(const TensorSignature& expected, const TensorType& type) {
  if (type.dtype != expected.dtype) {
    return invalid("input '" + expected.name + "' has datatype " + std::string(datatype_name(type.dtype)) + ", the model wants " +
                   std::string(datatype_name(expected.dtype)));
  }
  if (!fits(expected.dims, type.shape)) {
    return invalid("input '" + expected.name + "' has shape " + dims_text(type.shape.sizes()) + ", the model wants " +
                   dims_text(expected.dims) + " (-1: any extent)");
  }
  return {};
}

}  // namespace tercel::request
