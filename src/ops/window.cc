#include "ops/window.h"

#include <algorithm>
#include <string>

namespace tercel::ops {

namespace {

// One int per axis (or `per_axis` of them), in [least, kWindowMax]; absent means `otherwise`.
Result<std::vector<int64_t>> axis_ints(const Attributes& attributes, std::string_view name, size_t count, int64_t least,
                                       int64_t otherwise) {
  const auto given = attributes.get_ints(name);
  if (given.empty()) return std::vector<int64_t>(count, otherwise);
  if (given.size() != count)
    return invalid("attribute '" + std::string(name) + "' holds " + std::to_string(given.size()) + " numbers; " +
                   std::to_string(count) + " are needed");
  for (int64_t v : given)
    if (v < least || v > kWindowMax)
      return invalid("attribute '" + std::string(name) + "' holds " + std::to_string(v) + "; it may be " + std::to_string(least) +
                     ".." + std::to_string(kWindowMax));
  return std::vector<int64_t>(given.begin(), given.end());
}

Result<AutoPad> auto_pad_of(const Attributes& attributes) {
  const std::string_view name = attributes.get_string("auto_pad", "NOTSET");
  if (name == "NOTSET" || name.empty()) return AutoPad::kExplicit;
  if (name == "SAME_UPPER") return AutoPad::kSameUpper;
  if (name == "SAME_LOWER") return AutoPad::kSameLower;
  if (name == "VALID") return AutoPad::kValid;
  return invalid("attribute 'auto_pad' is '" + std::string(name) + "'; it may be NOTSET, SAME_UPPER, SAME_LOWER or VALID");
}

bool is_same(AutoPad pad) { return pad == AutoPad::kSameUpper || pad == AutoPad::kSameLower; }

}  // namespace

Result<Windows> windows_of(const Attributes& attributes, std::span<const int64_t> kernel, int rank) {
  if (rank < 1 || rank > kSpatialMax)
    return unsupported("windows over " + std::to_string(rank) + " spatial axes; 1 to " + std::to_string(kSpatialMax) +
                       " are supported");
  const auto count = static_cast<size_t>(rank);
  if (kernel.empty() && attributes.get_ints("kernel_shape").empty()) return invalid("attribute 'kernel_shape' is missing");
  const auto sizes = TRY(axis_ints(attributes, "kernel_shape", count, 1, 1));
  const auto strides = TRY(axis_ints(attributes, "strides", count, 1, 1));
  const auto dilations = TRY(axis_ints(attributes, "dilations", count, 1, 1));
  const auto pads = TRY(axis_ints(attributes, "pads", 2 * count, 0, 0));

  Windows windows{rank, {}, TRY(auto_pad_of(attributes)), attributes.get_int("ceil_mode", 0) != 0};
  for (size_t i = 0; i < count; ++i) {
    WindowAxis& axis = windows.axes[i];
    axis = {sizes[i], strides[i], dilations[i], pads[i], pads[i + count]};
    if (windows.auto_pad != AutoPad::kExplicit) axis.pad_begin = axis.pad_end = 0;
    if (kernel.empty()) continue;
    if (kernel[i] < 1 || kernel[i] > kWindowMax) return invalid("a kernel extent of the weights is " + std::to_string(kernel[i]));
    if (attributes.has("kernel_shape") && sizes[i] != kernel[i])
      return invalid("attribute 'kernel_shape' says " + std::to_string(sizes[i]) + " where the weights have " +
                     std::to_string(kernel[i]));
    axis.kernel = kernel[i];
  }
  return windows;
}

Result<Dim> output_extent(const Windows& windows, int axis, Dim input) {
  const WindowAxis& a = windows.axes[static_cast<size_t>(axis)];
  if (is_same(windows.auto_pad)) return ceil_divide(input, a.stride);
  const int64_t slack = a.pad_begin + a.pad_end - a.reach();  // output = (input + slack) / stride + 1
  if (!input.is_known()) return a.stride == 1 && slack == -1 ? input : Dim::unknown();
  const auto room = checked_add(input.size(), slack);
  if (!room || *room < 0)
    return invalid("a window reaches over " + std::to_string(a.reach()) + " elements, but the padded input has only " +
                   std::to_string(input.size() + a.pad_begin + a.pad_end) + " along spatial axis " + std::to_string(axis));
  int64_t extent = *room / a.stride + 1;
  // A window that starts in the padding behind the input does not count.
  if (windows.ceil_mode && *room % a.stride && extent * a.stride < input.size() + a.pad_begin) ++extent;
  return Dim(extent);
}

Result<WindowGeometry> geometry_of(const Windows& windows, std::span<const int64_t> input) {
  WindowGeometry geometry;
  const int lead = kSpatialMax - windows.rank;
  for (int i = 0; i < windows.rank; ++i) {
    const auto at = static_cast<size_t>(i + lead);
    WindowAxis& axis = geometry.axes[at];
    axis = windows.axes[static_cast<size_t>(i)];
    geometry.input[at] = input[static_cast<size_t>(i)];
    geometry.output[at] = TRY(output_extent(windows, i, Dim(geometry.input[at]))).size();
    if (!is_same(windows.auto_pad)) continue;
    const int64_t total = std::max<int64_t>(0, (geometry.output[at] - 1) * axis.stride + axis.reach() - geometry.input[at]);
    axis.pad_begin = (windows.auto_pad == AutoPad::kSameUpper ? total : total + 1) / 2;
    axis.pad_end = total - axis.pad_begin;
  }
  return geometry;
}

ActivationLayout layout_of(const Attributes& attributes, int rank) { return {attributes.get_int("channels_last", 0) != 0, rank}; }

std::array<int64_t, kSpatialMax> space_of(const ActivationLayout& layout, const Shape& shape) {
  std::array<int64_t, kSpatialMax> space{1, 1, 1};
  for (int i = 0; i < layout.space_rank(); ++i) space[static_cast<size_t>(i)] = shape.size(layout.space_axis(i));
  return space;
}

}  // namespace tercel::ops
