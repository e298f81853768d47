#include "ops/transposed_window.h"

#include <algorithm>
#include <string>

namespace tercel::ops {

namespace {

bool is_same(const TransposedWindows& t) {
  return t.windows.auto_pad == AutoPad::kSameUpper || t.windows.auto_pad == AutoPad::kSameLower;
}

// Elements that the windows cover together, before padding is cut off.
Result<int64_t> covered(const TransposedWindows& t, int axis, int64_t input) {
  const auto i = static_cast<size_t>(axis);
  const WindowAxis& a = t.windows.axes[i];
  if (input == 0) return t.output_padding[i];
  const auto spread = checked_multiply(a.stride, input - 1);
  if (!spread || *spread > kElementsMax)
    return too_large("the output has more than " + std::to_string(kElementsMax) + " elements along one axis");
  return *spread + t.output_padding[i] + a.reach();
}

Result<std::array<int64_t, kSpatialMax>> small_ints(const Attributes& attributes, std::string_view name, int rank, int64_t most) {
  std::array<int64_t, kSpatialMax> values{};
  const auto given = attributes.get_ints(name);
  if (given.empty()) return values;
  if (given.size() != static_cast<size_t>(rank))
    return invalid("attribute '" + std::string(name) + "' holds " + std::to_string(given.size()) + " numbers; " +
                   std::to_string(rank) + " are needed");
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] < 0 || given[i] > most)
      return invalid("attribute '" + std::string(name) + "' holds " + std::to_string(given[i]));
    values[i] = given[i];
  }
  return values;
}

}  // namespace

Result<TransposedWindows> transposed_windows_of(const Attributes& attributes, std::span<const int64_t> kernel, int rank) {
  TransposedWindows t{.windows = TRY(windows_of(attributes, kernel, rank))};
  t.output_padding = TRY(small_ints(attributes, "output_padding", rank, kWindowMax));
  t.output_shape = TRY(small_ints(attributes, "output_shape", rank, kElementsMax));
  t.has_output_shape = !attributes.get_ints("output_shape").empty();
  return t;
}

Result<Dim> transposed_extent(const TransposedWindows& t, int axis, Dim input) {
  const auto i = static_cast<size_t>(axis);
  const WindowAxis& a = t.windows.axes[i];
  if (t.has_output_shape) return Dim(t.output_shape[i]);
  if (is_same(t)) return input * Dim(a.stride);
  const int64_t pads = a.pad_begin + a.pad_end;
  if (!input.is_known()) return a.stride == 1 && t.output_padding[i] + a.reach() - 1 == pads ? input : Dim::unknown();
  const int64_t extent = TRY(covered(t, axis, input.size())) - pads;
  if (extent < 0) return invalid("the padding is larger than the output along spatial axis " + std::to_string(axis));
  return Dim(extent);
}

Result<WindowGeometry> transposed_geometry(const TransposedWindows& t, std::span<const int64_t> input) {
  WindowGeometry geometry;
  const int lead = kSpatialMax - t.windows.rank;
  for (int i = 0; i < t.windows.rank; ++i) {
    const auto at = static_cast<size_t>(i + lead);
    WindowAxis& axis = geometry.axes[at];
    axis = t.windows.axes[static_cast<size_t>(i)];
    geometry.input[at] = input[static_cast<size_t>(i)];
    geometry.output[at] = TRY(transposed_extent(t, i, Dim(geometry.input[at]))).size();
    if (!t.has_output_shape && !is_same(t)) continue;
    const int64_t total = std::max<int64_t>(0, TRY(covered(t, i, geometry.input[at])) - geometry.output[at]);
    axis.pad_begin = t.windows.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    axis.pad_end = total - axis.pad_begin;
  }
  return geometry;
}

}  // namespace tercel::ops
