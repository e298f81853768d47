#include "registry/variant_checks.h"

#include <algorithm>

#include "registry/plan_opener.h"
#include "request/datatype.h"

namespace tercel::registry {
namespace {

struct Extent {
  int64_t low = 0, high = 0;
  bool operator==(const Extent&) const = default;
};

// An input with its whole range, or an output, of which only fixed extents are known.
struct Tensor {
  std::string what, name;
  DType dtype;
  std::vector<Extent> extents;
};

std::vector<Tensor> inputs_of(const plan::Program& program) {
  std::vector<Tensor> tensors;
  for (const auto& range : program.profile) {
    Tensor& tensor = tensors.emplace_back(Tensor{"input", range.name, range.dtype, {}});
    for (size_t axis = 0; axis < range.low.size(); ++axis) tensor.extents.push_back({range.low[axis], range.high[axis]});
  }
  return tensors;
}

std::vector<Tensor> outputs_of(const plan::Program& program) {
  std::vector<Tensor> tensors;
  for (const auto& output : signature_of(program).outputs) {
    Tensor& tensor = tensors.emplace_back(Tensor{"output", output.name, output.dtype, {}});
    for (const int64_t extent : output.dims) tensor.extents.push_back({extent, extent});
  }
  return tensors;
}

std::string text_of(const Extent& extent) {
  if (extent.low < 0) return "open";
  return std::to_string(extent.low) + (extent.low == extent.high ? "" : ".." + std::to_string(extent.high));
}

std::string difference(const Tensor& tensor, const Tensor& other, size_t position) {
  if (tensor.name != other.name)
    return tensor.what + " " + std::to_string(position) + " is '" + tensor.name + "', not '" + other.name + "'";
  const std::string is = tensor.what + " '" + tensor.name + "'";
  if (tensor.dtype != other.dtype)
    return is + " is " + std::string(request::datatype_name(tensor.dtype)) + ", not " +
           std::string(request::datatype_name(other.dtype));
  if (tensor.extents.size() != other.extents.size())
    return is + " has " + std::to_string(tensor.extents.size()) + " dimensions, not " + std::to_string(other.extents.size());
  for (size_t axis = 0; axis < tensor.extents.size(); ++axis) {
    if (tensor.extents[axis] == other.extents[axis]) continue;
    return "dimension " + std::to_string(axis) + " of " + is + " is " + text_of(tensor.extents[axis]) + ", not " +
           text_of(other.extents[axis]);
  }
  return "";
}

std::string difference(const std::vector<Tensor>& tensors, const std::vector<Tensor>& others, const std::string& what) {
  if (tensors.size() != others.size())
    return "it has " + std::to_string(tensors.size()) + " " + what + ", not " + std::to_string(others.size());
  for (size_t i = 0; i < tensors.size(); ++i)
    if (const std::string found = difference(tensors[i], others[i], i); !found.empty()) return found;
  return "";
}

}  // namespace

std::string first_difference(const plan::Program& variant, const plan::Program& other) {
  const std::string found = difference(inputs_of(variant), inputs_of(other), "inputs");
  return found.empty() ? difference(outputs_of(variant), outputs_of(other), "outputs") : found;
}

bool is_faster(const OpenedVariant& variant, const OpenedVariant& other) {
  const MeasuredCost *cost = one_row_of(variant), *others = one_row_of(other);
  return cost && others && cost->longest_ns < others->longest_ns;
}

}  // namespace tercel::registry
